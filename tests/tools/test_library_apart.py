"""The library knows nothing of this repository: neither its folders nor its commits."""

import ast
from pathlib import Path

import venule
from checkout import ACCESS_LOG

LIBRARY = Path(venule.__file__).parent


def texts(path: Path) -> list[str]:
    """Every string of a module that is not a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree)
    strings = [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    alone = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)]
    return [str(node.value) for node in strings if node not in alone]


def test_no_module_of_the_library_names_a_file_of_the_repository_or_asks_git() -> None:
    found = [
        f"{path.relative_to(LIBRARY)}: {text}"
        for path in LIBRARY.rglob("*.py")
        for text in texts(path)
        if text == "git" or ACCESS_LOG.name in text or "results/" in text or "make results" in text
    ]
    assert found == []
