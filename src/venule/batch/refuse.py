"""Refusals before anything in a results folder is changed."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from venule.batch.records import Shard
from venule.errors import OutputError
from venule.inference.segment import AUGMENTED

Settings = Mapping[str, Any]
"""All that results depend on besides the photograph, as JSON: model, hash, threshold, ..."""

_OPTIONS = {
    "model": "--model",
    "outputs": "--save",
    "parameters.imgsz": "--imgsz",
    "parameters.layout": "--layout",
    "parameters.strict": "--strict",
    "parameters.deidentify": "--deidentify",
}
"""Options of `venule predict` by setting."""

SHARDS = (
    "its shards must have the same ones: run those that do not again, with --overwrite, then merge"
)
"""Advice about shards of one results folder that have different settings."""

_FLAGS = ("--measure", "--tta", "--strict", "--deidentify")


def refuse_overwriting(targets: Iterable[Path]) -> None:
    """Raise OutputError if one of the files exists already."""
    existing = filter(os.path.lexists, targets)
    first = next(existing, None)
    if first is not None:
        more = sum(1 for _ in existing)
        others = f" and {more} more" if more else ""
        raise OutputError(
            f"{first}{others} {'exist' if others else 'exists'} already; replace them with "
            "--overwrite or choose another folder for -o"
        )


def refuse_other_settings(
    out: Path,
    before: Settings,
    now: Settings,
    *,
    todo: str = "replace them with --overwrite or choose another folder for -o",
) -> None:
    """Raise OutputError if the results in `out` have other settings, with advice `todo`."""
    if not before or before == now:
        return
    changed = "; ".join(dict.fromkeys(_differences(before, now)))
    raise OutputError(f"{out} holds results of other settings ({changed}); {todo}")


def refuse_mixing(out: Path, others: Sequence[str]) -> None:
    """Raise OutputError if results of other settings, given by name, would stay in `out`."""
    if others:
        raise OutputError(
            f"{out} holds results of other settings that are not predicted now ({min(others)}, "
            f"{len(others)} in all), which --overwrite would leave among the new ones; predict "
            "them too, delete them, or choose another folder for -o"
        )


def refuse_two_divisions(out: Path, shards: Iterable[Shard]) -> None:
    """Raise OutputError if shards in `out` are of several divisions, as of 2 and of 3."""
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        raise OutputError(
            f"{out} holds shards of {' and of '.join(map(str, counts))}; delete "
            f".venule-*-of-{counts[-1]}.sqlite* in it, run all I/{counts[0]} with --overwrite, "
            "then merge"
        )


def _differences(before: Settings, now: Settings) -> Iterator[str]:
    """Each difference, by the option that made it; settings without an option by their names."""
    old, new = _flat(before), _flat(now)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    for name in changed:
        if not _follows(name, changed, old, new):
            yield _difference(name, old.get(name), new.get(name))


def _flat(settings: Settings) -> dict[str, Any]:
    """Settings by dotted name; flags of options that are part of another setting are added."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            flat[name] = value
    if "measure" in flat.get("columns", ()):
        flat["--measure"] = True
    if flat.get("runtime", "").endswith(AUGMENTED):
        flat["--tta"] = True
        flat["runtime"] = flat["runtime"].removesuffix(AUGMENTED)
    return flat


def _follows(
    name: str, changed: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]
) -> bool:
    """Return whether a difference follows from another one, which is named instead."""
    if name == "licence" or name.startswith("threshold"):
        return "model_sha256" in changed
    if name == "model_sha256":
        return "model" in changed
    of_kinds = "outputs" in changed or "--measure" in changed
    if name.startswith("networks."):  # those needed, unless one was replaced
        return (of_kinds or "model_sha256" in changed) and (name in old) != (name in new)
    if name == "columns":
        columns = set(old.get(name, ())) ^ set(new.get(name, ()))
        return of_kinds and columns <= {"measure", "landmarks", "file"}
    return False


def _difference(name: str, old: Any, new: Any) -> str:
    if name == "model_sha256":
        return f"the weights have changed, SHA-256 {str(old)[:12]}, now {str(new)[:12]}"
    option = "--threshold" if name.startswith("threshold") else _OPTIONS.get(name, name)
    if option in _FLAGS:
        return f"{option} was given" if old else f"{option} is given now"
    if option.startswith("--"):
        return f"{option} was {_text(old)}, now {_text(new)}"
    return f"{name} {old!r}, now {new!r}"  # quoted, because a runtime's name contains commas


def _text(value: Any) -> str:
    if value is None:
        return "not given"
    return ",".join(value) if isinstance(value, list) else str(value)
