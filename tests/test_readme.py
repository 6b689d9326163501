import re
from pathlib import Path

import pytest

from venule.image.io import write_png
from venule.synth.fundus import synthesize_fundus

README = Path(__file__).parents[1] / "README.md"


def test_the_readmes_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    write_png("photograph.png", synthesize_fundus(0, size_px=128).image)
    Path("photograph.png").rename("photograph.jpg")
    names: dict[str, object] = {}
    exec(example, names)
    assert names["prediction"].vessels.shape == (128, 128)  # type: ignore[attr-defined]
