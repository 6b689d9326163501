"""A recipe: the steps that produce one result, read from a file of `recipes/`."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recipe.steps import Step
from venule.errors import ConfigError


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """The steps of one result.

    `result` is its folder below results/ ("" for files directly in it). `needs` names the recipes
    whose steps come first. `differs` states in one line why the same steps no longer give the same
    figures, and `gone` why no step writes certain files, by pattern.
    """

    result: str
    text: str
    needs: tuple[str, ...] = ()
    differs: str = ""
    steps: tuple[Step, ...] = ()
    gone: dict[str, str] = {}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file.

    A step with `each = { name = [a, b] }` is one step for every combination of the values, which
    replace {name} in its texts.

    Raises:
        ConfigError: unreadable, or not a recipe.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        values["steps"] = [one for step in values.get("steps", ()) for one in expanded(step)]
        return Recipe.model_validate(values)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise ConfigError(f"{path}: {place}: {fault['msg']}") from None
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{path}: not a recipe ({error})") from None


def expanded(step: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps represented by one with `each`; without, the step itself."""
    each = dict(step.get("each", {}))
    rest = {key: value for key, value in step.items() if key != "each"}
    if not each:
        yield rest
        return
    for values in itertools.product(*each.values()):
        yield _filled(rest, dict(zip(each, values, strict=True)))


def _filled(value: Any, names: Mapping[str, object]) -> Any:
    """`value` with {name} replaced in every string, however nested."""
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, Mapping):
        return {_filled(key, names): _filled(item, names) for key, item in value.items()}
    return [_filled(item, names) for item in value] if isinstance(value, list) else value
