// Requests to the service.

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const GONE = "The server does not respond. Start it again with venule serve.";
export const RESTARTED = "The server has been started again. Open the link that it printed; this page then goes on.";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function attempt(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, GONE);
  }
}

export async function ask(path, options = {}) {
  let answer = await attempt(path, options);
  if (answer.status === 401) throw new Refused(0, RESTARTED);
  for (let tries = 0; answer.status === 429 && tries < 60; tries++) {
    await wait(1000 * Number(answer.headers.get("Retry-After") || 2));
    answer = await attempt(path, options);
  }
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    const detail = typeof body.detail === "string" ? body.detail : answer.statusText;
    throw new Refused(answer.status, detail);
  }
  return answer;
}

const json = async (path, options) => (await ask(path, options)).json();

export const at = (id, part = "") => `/api/photographs/${encodeURIComponent(id)}${part}`;

export const photographs = (query) => json(`/api/photographs?${new URLSearchParams(query)}`);
export const photograph = (id) => json(at(id));
export const analyse = (id) => json(at(id, "/analysis"), { method: "POST" });
export const cancel = (id) => ask(at(id), { method: "DELETE" });
export const measurements = (id) => json(at(id, "/measurements"));
export const uncertain = (id) => json(at(id, "/uncertain"));

export const correction = (id) => json(at(id, "/correction"));
export const acceptCorrection = (id) => json(at(id, "/correction"), { method: "POST" });
export const putAside = (id) => json(at(id, "/correction"), { method: "DELETE" });
const bytes = (body) => ({ method: "POST", body, headers: { "Content-Type": "application/octet-stream" } });
const told = (body) => ({ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
export const stroke = (id, query, content) => json(at(id, `/strokes?${new URLSearchParams(query)}`), bytes(content));
export const takeFile = (id, file, query) => json(at(id, `/correction/file?${new URLSearchParams(query)}`), bytes(file));
export const disc = (id, ellipse, query) => json(at(id, `/disc?${new URLSearchParams(query)}`), told({ disc: ellipse && { x: ellipse.x, y: ellipse.y, major_px: ellipse.major_px, minor_px: ellipse.minor_px, angle: ellipse.angle } }));
export const branch = (id, [x, y], type, tree) => json(at(id, "/branch"), told({ x, y, type, tree }));
export const path = (id, [x0, y0], [x1, y1]) =>
  json(at(id, "/path"), told({ x0, y0, x1, y1 }));

export const tableOf = (query) => `/api/measurements.csv?${new URLSearchParams(query)}`;
export const tableOfThese = async (ids) => (await ask("/api/measurements.csv", told({ ids }))).blob();

export const others = (id) => json(at(id, "/others"));
export const other = (id, key) => json(at(id, `/others/${encodeURIComponent(key)}`));
export const sendOther = (id, file) =>
  json(at(id, `/others?${new URLSearchParams({ name: file.name })}`), { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });

export const upload = (file) =>
  json(`/api/photographs?${new URLSearchParams({ name: file.name })}`, {
    method: "POST",
    body: file,
    headers: { "Content-Type": "application/octet-stream" },
  });

const tileAt = (id, level, column, row) => at(id, `/tiles/${level}/${column}/${row}`);
export const tile = (id, view, side, level, column, row) => bitmap(`${tileAt(id, level, column, row)}?view=${view}&side=${side}`);
export const tileMap = (id, side, level, column, row) => levels(`${tileAt(id, level, column, row)}/probability?side=${side}`, Uint16Array);

export const picture = (id, view, longest) => bitmap(at(id, `/image?view=${view}&longest=${longest}`));

async function bitmap(path) {
  const answer = await ask(path);
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

export const map = (id, part, longest, Kind) => levels(at(id, `/${part}?longest=${longest}`), Kind);

async function levels(path, Kind) {
  const answer = await ask(path);
  const values = new Kind(await answer.arrayBuffer());
  return { values, width: Number(answer.headers.get("X-Width")), height: Number(answer.headers.get("X-Height")), headers: answer.headers };
}
