// The panel of a photograph: grade, facts and measurements.

import { $ } from "./page.js";

export function number(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size < 0.001 ? value.toExponential(2) : Number(value.toPrecision(4)).toString();
}

export function showAbout(entry) {
  const found = entry.found;
  $("about").hidden = !found && entry.state !== "failed";
  $("name").textContent = entry.name;
  const grade = entry.state === "failed" ? "failed" : found?.grade || "";
  $("badge").textContent = grade;
  $("badge").className = `badge ${grade}`;
  $("badge").hidden = !grade;
  $("reasons").textContent = entry.state === "failed" ? entry.reason : (found?.reasons || []).join(", ") || (grade === "ok" ? "nothing suggests that it is unreliable" : "");
  if (!found) return $("facts").replaceChildren();
  const facts = [
    ["Size", `${found.width} × ${found.height} px`],
    ["Field", `${Math.round(2 * Math.sqrt(found.field.major_px * found.field.minor_px))} px across`],
    ["Scale", found.um_per_px ? `${number(found.um_per_px)} µm/px` : "not stated"],
    ["Eye", found.laterality || "not known"],
    ["Uncertainty", found.uncertainty === null ? "–" : found.uncertainty.toFixed(2)],
    ["Model", found.licence ? `${found.model} (${found.licence})` : found.model],
    ...found.notes.map((note) => ["Note", note]),
    ...(entry.reason ? [["Note", entry.reason]] : []),
  ];
  $("facts").replaceChildren(...facts.flatMap(([term, value]) => [tag("dt", term), tag("dd", value)]));
}

const percent = (share) => `${Math.round(100 * share)} %`;

// The rank of a value in its cohort, and its repeatability, if known.
function placed({ below, cohort, change }) {
  return [cohort ? `above ${percent(below)} of ${cohort.toLocaleString("en")}` : "", change === null ? "" : `repeats ± ${percent(change)}`].filter(Boolean);
}

function tag(kind, text, name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

export function showMeasurements(table) {
  $("measured").hidden = !table || (table.complete && !table.values.length);
  if (!table) return;
  $("source").textContent = table.complete ? [`of the ${table.mask_source} mask`, ...table.notes].join("; ") : "measuring …";
  const wanted = $("filter").value.toLowerCase(), explain = $("explain").checked;
  const rows = table.values
    .filter((one) => one.value !== null && (one.label + one.name).toLowerCase().includes(wanted))
    .map((one) => {
      const row = document.createElement("tr"), name = tag("th", one.label), value = tag("td", `${number(one.value)}${one.unit ? ` ${one.unit}` : ""}`, "value");
      name.scope = "row";
      name.style.fontWeight = "400";
      name.title = [one.plain, one.definition].filter(Boolean).join("\n") || one.name;
      value.append(...placed(one).map((words) => tag("small", words)));
      value.title = [one.cohort ? `Of the ${one.cohort} photographs of this folder that are not rejected, ${percent(one.below)} have a lower value.` : "", one.change === null ? "" : `Two photographs of an unchanged eye differ by more than ${percent(one.change)} of the mean in 5 of 100 cases.`].filter(Boolean).join(" ");
      if (explain) for (const words of [one.plain, one.definition]) if (words) name.append(tag("small", words));
      row.append(name, value);
      return row;
    });
  $("table").tBodies[0].replaceChildren(...rows);
}
