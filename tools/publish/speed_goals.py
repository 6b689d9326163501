"""Goals for speed and memory, set beforehand, with the measured values.

Goals relative to W-Net (agaldran/lwnet) use its fraction of the yardstick's time, measured once in
an interleaved run, because its file may not be kept here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

YARDSTICK = "yardstick"
WNET_ONNX, WNET_OPENVINO = 0.45, 0.68
"""W-Net's time as a fraction of the yardstick's: ONNX Runtime fp32, OpenVINO bf16."""

LARGE = [2336, 3504]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals: a figure with its upper limit."""

    what: str
    goal: float
    value: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """True if the goal is met; nan does not meet it."""
        return self.value <= self.goal

    def cells(self) -> list[str]:
        """The row of a goal: name, goal, measured value and where, verdict."""
        verdict = "met" if self.met else "missed"
        amounts = [_amount(amount, self.unit) for amount in (self.goal, self.value)]
        return [self.what, *amounts, self.note, verdict]


def network_goals(bench: Json) -> Iterator[Goal]:
    """The network alone, the overhead, memory and first result, at DRIVE's size."""
    rows = [row for row in bench["rows"] if row["name"] != YARDSTICK and row["file"]]
    for name, share, words in (("general", 1 / 3, "one third of"), ("accurate", 1, "")):
        best = min((row for row in rows if row["name"] == name), key=_network_s, default=None)
        if best is not None:
            what = f"`{name}` alone, as a multiple of {words} W-Net's ONNX Runtime time"
            value = best["ratio"]["median"] / WNET_ONNX / share
            yield Goal(what.replace("  ", " "), 1, value, "x", _where(best))
    for row in rows:
        own = wnet_share(row["runtime"])
        if row["name"] == "general" and own is not None:  # accurate's is stated below the table
            value = row["ratio_in_runtime"]["median"] / own
            yield Goal(
                "`general` alone, of W-Net's time in the same runtime", 1, value, "x", _where(row)
            )
    for row in rows:
        added = row["file"]["total"]["median"] - row["file"]["network"]["median"]
        yield Goal("file to mask beyond the network", 0.04, added, "s", _where(row))
    for row in rows:
        yield Goal("memory at its peak", 350, _number(row["fresh"]["peak_mb"]), "MB", _where(row))
    for row in rows:
        yield Goal("first result from a cold start", 2, row["fresh"]["seconds"], "s", _where(row))


def scale_goals(scale: Json) -> Iterator[Goal]:
    """Time and memory for a large camera's photograph and for 100 megapixels."""
    for large, seconds, memory in ((True, 0.8, 1000), (False, 7, 2000)):
        for row in scale["rows"]:
            if row["size"] == LARGE if large else round(row["megapixels"]) == 100:
                size = "3504 x 2336" if large else "100 megapixels"
                where = f"`{row['model']}`, {row['runtime']}"
                yield Goal(f"{size}, file to mask", seconds, row["first"]["total"], "s", where)
                yield Goal(
                    f"{size}, memory at its peak", memory, _number(row["peak_mb"]), "MB", where
                )


def start_goals(startup: Json) -> Iterator[Goal]:
    """The time of an import."""
    yield Goal("`import venule`, a whole process", 0.3, startup["import venule"]["median_s"], "s")


def measuring_goals(cost: Json) -> Iterator[Goal]:
    """Measuring a large camera's photograph, and the steps besides vessels at DRIVE's size."""
    for row in cost["measuring"]:
        if row["size"] == "HRF":
            rows, columns = row["pixels"]
            where = f"{columns} x {rows}, one thread"
            yield Goal("measuring vessels, arteries and veins", 5, row["cpu_seconds"], "s", where)
    what = "arteries and veins, disc and fovea added at DRIVE's size"
    yield Goal(what, 0.4, cost["steps"]["both_s"], "s", "ONNX Runtime")


def wnet_share(runtime: str) -> float | None:
    """W-Net's fraction of the yardstick's time in that runtime; None if not measured."""
    if runtime.startswith("ONNX Runtime"):
        return WNET_ONNX
    return WNET_OPENVINO if runtime.startswith("OpenVINO") and "bf16" in runtime else None


def _network_s(row: Json) -> float:
    return float(row["network"]["median"])


def _where(row: Json) -> str:
    return f"`{row['name']}`, {row['runtime']}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _amount(value: float, unit: str) -> str:
    if unit == "s":
        return f"{1000 * value:.0f} ms" if value < 0.1 else f"{value:.2f} s"
    return f"{value:.0f} MB" if unit == "MB" else f"{value:.2f} times"
