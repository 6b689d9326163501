"""The rooms of the package import each other only as their table says."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import venule

ROOT = Path(venule.__file__).parent

# A room may import itself, `errors`, and the rooms named here.
MAY_IMPORT: dict[str, set[str]] = {
    "files": set(),
    "system": set(),
    "dicom": {"files"},
    "image": {"dicom", "files"},
    "vessels": {"image"},
    "metrics": {"image", "vessels"},
    "measure": {"files", "image", "vessels"},
    "viz": {"files", "image"},
    "data": {"files", "image"},
    "models": {"files", "image"},
    "inference": {"files", "image", "models", "system", "vessels"},
    "synth": {"files", "image"},
    "quality": {"files", "image", "vessels"},
    "training": {"data", "files", "image", "models", "inference", "metrics", "system", "viz"},
    "evaluation": {
        "analysis",
        "data",
        "files",
        "image",
        "inference",
        "metrics",
        "models",
        "system",
        "vessels",
        "viz",
    },
    "analysis": {
        "dicom",
        "files",
        "models",
        "image",
        "inference",
        "measure",
        "quality",
        "vessels",
        "viz",
    },
    "batch": {"analysis", "dicom", "files", "image", "inference", "models", "quality", "system"},
    "bench": {"analysis", "files", "image", "inference", "quality", "synth", "system"},
    "report": {
        "analysis",
        "batch",
        "evaluation",
        "files",
        "image",
        "measure",
        "metrics",
        "viz",
    },
    "export": {"files", "image", "models", "inference"},
    "serve": {
        "analysis",
        "batch",
        "dicom",
        "files",
        "image",
        "inference",
        "measure",
        "metrics",
        "vessels",
    },
}
MAY_IMPORT["cli"] = {*MAY_IMPORT}

# The package itself holds the public names, and its version for what is written into files.
FRONT_DOOR = {
    "__init__": {"analysis", "batch", "image", "inference"},
    "__main__": {"cli"},
    "errors": set[str](),
}

TORCH = {"torch", "torchvision", "accelerate", "safetensors", "tensorboard"}
MAY_IMPORT_TORCH = (
    "models",
    "training",
    "export",
    "data.loader",
    "data.augment",
    "inference.torch_runner",
)


def _modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package with its dotted name below `venule`."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        yield name, path


def _imports(path: Path) -> Iterator[str]:
    """Every absolute dotted name that the module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name != "venule")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            # `import venule` alone hides which public name is used.
            if node.value.id == "venule":
                yield f"venule.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from venule.cli import predict` imports a module, `from x import name` a name.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own(imported: str) -> str | None:
    """The dotted name below `venule`, None for what is not ours."""
    package, _, name = imported.partition(".")
    return name if package == "venule" else None


def _module_of(name: str, known: set[str]) -> str | None:
    """The longest known module that the dotted name `a.b.c` begins with."""
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in known), None)


def test_every_room_is_in_the_table() -> None:
    rooms = {name.partition(".")[0] for name, _ in _modules()}
    assert rooms <= {*MAY_IMPORT, *FRONT_DOOR}


def test_rooms_import_only_what_the_table_allows() -> None:
    wrong = []
    for name, path in _modules():
        room = name.partition(".")[0]
        allowed = {room, "errors", "__version__", *MAY_IMPORT.get(room, FRONT_DOOR.get(room, ()))}
        for imported in _imports(path):
            own = _own(imported)
            if own is not None and own.partition(".")[0] not in allowed:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_only_the_named_modules_import_torch() -> None:
    wrong = []
    for name, path in _modules():
        if not any(
            name == allowed or name.startswith(f"{allowed}.") for allowed in MAY_IMPORT_TORCH
        ):
            wrong += [
                f"{name} imports {imported}"
                for imported in _imports(path)
                if imported.partition(".")[0] in TORCH
            ]
    assert wrong == []


def test_the_torch_runner_is_imported_only_inside_functions() -> None:
    for name, path in _modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom) and not name.startswith(
                ("training", "export")
            ):
                names = [alias.name for alias in node.names]
                names += [getattr(node, "module", None) or ""]
                assert not [one for one in names if one.rpartition(".")[2] == "torch_runner"], name


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    known = {name for name, _ in _modules()}
    graph = {
        name: {
            module
            for imported in _imports(path)
            if (own := _own(imported)) is not None
            and (module := _module_of(own, known)) not in (None, name)
        }
        for name, path in _modules()
    }
    # Raises CycleError with the circle. __init__ looks names up when they are first used.
    graph.pop("__init__", None)
    assert list(TopologicalSorter(graph).static_order())


def test_no_module_is_called_utils() -> None:
    assert not [name for name, _ in _modules() if name.rpartition(".")[2] in ("utils", "helpers")]
