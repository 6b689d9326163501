"""Reading of a configuration: one TOML file plus `key=value` overrides; errors in one line."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from venule.errors import ConfigError
from venule.training.config import Section, SourceConfig

ConfigT = TypeVar("ConfigT", bound=Section)


Override = str | tuple[str, object]
"""`section.key=value` as typed, or a pair of key and value."""


def read_config(path: Path | None, overrides: Sequence[Override], kind: type[ConfigT]) -> ConfigT:
    """Read the configuration in a TOML file, with overrides applied.

    Without a file, the overrides apply to the defaults of `kind`.

    Raises:
        ConfigError: unreadable file, bad TOML, unknown key (with the nearest known one) or value.
    """
    values = _read_toml(path) if path is not None else {}
    for override in overrides:
        _apply(values, override)
    return parse_config(values, kind, source=str(path) if path is not None else "settings")


def _read_toml(path: Path) -> dict[str, Any]:
    """The file's values; its stem serves as the name if it gives none."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    values.setdefault("name", path.stem)
    return values


def parse_config(values: Mapping[str, Any], kind: type[ConfigT], *, source: str) -> ConfigT:
    """`values` as a typed configuration; ConfigError names the first error."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_explain(error, kind)}") from None


def _apply(values: dict[str, Any], override: Override) -> None:
    if isinstance(override, str):
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise ConfigError(f"{override!r}: expected key=value, such as schedule.epochs=50")
        value = parse_value(text)
    else:
        key, value = override
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{key!r}: {section} is a value, not a section")
    values[last] = value


def parse_value(text: str) -> Any:
    """A TOML value, or the bare text if it is not one (so that strings need no quotes)."""
    if text == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(error: ValidationError, kind: type[BaseModel]) -> str:
    # For a union type, the deepest error belongs to the alternative that was meant.
    unknown = "extra_forbidden"
    first = max(error.errors(), key=lambda one: (len(one["loc"]), one["type"] == unknown))
    # A location also names the alternative tried: "str" or "tuple[SourceConfig, ...]".
    place = [part for part in map(str, first["loc"]) if part != "str" and "[" not in part]
    key = ".".join(place)
    if first["type"] == unknown:
        known = _known_keys(kind)
        key = ".".join(part for part in place if not part.isdecimal())
        match = difflib.get_close_matches(key, known, n=1, cutoff=0.5) or [
            name for name in known if name.rpartition(".")[2] == place[-1]
        ]
        hint = f"did you mean {match[0]!r}?" if match else f"known: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_type" and isinstance(first["input"], int | float | date):
        message += "; put it in double quotes"
    return f"{key}: {message}" if key else message


def _known_keys(kind: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys += _known_keys(inner, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
            items = {item for part in get_args(inner) for item in get_args(part)}
            if SourceConfig in items:
                keys += _known_keys(SourceConfig, f"{prefix}{name}.")
    return keys
