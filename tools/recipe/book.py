"""All recipes, and their execution."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from checkout import RECIPES, ROOT
from recipe.making import Train
from recipe.place import Place
from recipe.published import FOLDER, published_recipes
from recipe.recipe import Recipe, read_recipe
from recipe.steps import Step
from venule.errors import UsageError

Tell = Callable[[str], None]


def recipes(folder: Path = RECIPES, root: Path = ROOT) -> dict[str, Recipe]:
    """All recipes by name: the files of `recipes/`, then the published experiments."""
    files = {path.stem: read_recipe(path) for path in sorted(folder.glob("*.toml"))}
    return files | published_recipes(root)


def chosen(name: str, book: dict[str, Recipe]) -> dict[str, Recipe]:
    """The recipe with that name, preceded by those that it needs.

    "published" or another results folder stands for all recipes of that folder.

    Raises:
        UsageError: no recipe with that name, or circular needs.
    """
    wanted = [name] if name in book else [k for k, one in book.items() if one.result == name]
    if not wanted:
        raise UsageError(f"no recipe {name!r}; known: {', '.join([FOLDER, *book])}")
    found: dict[str, Recipe] = {}
    for one in wanted:
        _gather(one, book, found, ())
    return found


def _gather(
    name: str, book: dict[str, Recipe], found: dict[str, Recipe], above: tuple[str, ...]
) -> None:
    if name in above:
        raise UsageError(f"recipe {name!r} needs itself: {' -> '.join([*above, name])}")
    if name not in book:
        raise UsageError(f"recipe {above[-1]!r} needs {name!r}, which does not exist")
    for needed in book[name].needs:
        _gather(needed, book, found, (*above, name))
    found.setdefault(name, book[name])


def with_settings(recipe: Recipe, name: str, settings: dict[str, object]) -> Recipe:
    """The recipe with changed settings of the training run `name`.

    Raises:
        UsageError: it has no such training run.
    """
    if not any(isinstance(step, Train) and step.name == name for step in recipe.steps):
        raise UsageError(f"the recipe {name!r} has no training runs/{name} whose settings change")

    def changed(step: Step) -> Step:
        if isinstance(step, Train) and step.name == name:
            return step.model_copy(update={"set": step.set | settings})
        return step

    return recipe.model_copy(update={"steps": tuple(map(changed, recipe.steps))})


def steps_of(found: dict[str, Recipe]) -> Iterator[tuple[str, Step]]:
    """The steps of recipes in order, each once, with its recipe's results folder."""
    seen: set[tuple[str, str]] = set()
    for recipe in found.values():
        for step in recipe.steps:
            key = (recipe.result if step.writes() else "", step.model_dump_json())
            if key not in seen:
                seen.add(key)
                yield recipe.result, step


def run(found: dict[str, Recipe], place: Place, tell: Tell, data_root: Path | None = None) -> None:
    """Run the steps that are not done; `place.results` holds a folder for each result.

    Raises:
        VenuleError: a step failed; the results of earlier ones are kept.
    """
    with place.entered(data_root):
        for result, step in steps_of(found):
            there = replace(place, results=place.results / result)
            done = step.done(there)
            tell(f"{'kept' if done else 'now'}: {step}")
            if not done:
                step.run(there)


def plan(found: dict[str, Recipe]) -> Sequence[str]:
    """The steps that would be run, one per line, with known differences in the result."""
    lines = [f"note: {name}: {one.differs}" for name, one in found.items() if one.differs]
    for name, one in found.items():
        lines += [f"gone: {name}: {file}: {why}" for file, why in one.gone.items()]
    return [*lines, *(str(step) for _, step in steps_of(found))]
