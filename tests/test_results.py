import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def renderer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("render", ROOT / "results" / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_results_page_is_what_the_result_files_say(renderer: ModuleType) -> None:
    assert renderer.PAGE.read_text(encoding="utf-8") == renderer.render()


def test_every_number_of_the_readmes_table_stands_in_a_result_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Results", 1)[1].split("\n## ", 1)[0]
    numbers = re.findall(r"\b0\.\d{3,4}\b", table)
    known: set[str] = set()
    for path in (ROOT / "results").glob("*/*.json"):
        if path.name == "about.json":
            continue
        for value in _floats(json.loads(path.read_text(encoding="utf-8"))):
            known |= {f"{value:.3f}", f"{value:.4f}"}
    assert numbers
    assert [number for number in numbers if number not in known] == []


def _floats(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in _floats(item)]
    if isinstance(value, list):
        return [number for item in value for number in _floats(item)]
    return [value] if isinstance(value, float) else []
