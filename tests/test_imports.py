"""Nothing heavy is imported before it is needed."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "onnxruntime", "scipy", "skimage", "matplotlib", "numpy", "PIL"}

HELP = """
import sys
from venule.cli.main import main
sys.argv = ["venule", *{arguments!r}]
try:
    main()
except SystemExit as done:
    assert done.code in (0, None), done.code
"""

REPORT = """
import json
print("MODULES", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has imported after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + code + REPORT],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.rpartition("MODULES ")[2]))


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert _modules_after("import venule") & HEAVY == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["predict", "--help"], ["data", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert _modules_after(HELP.format(arguments=arguments)) & HEAVY == set()


def test_public_names_are_found_on_first_use() -> None:
    import venule
    from venule.batch.predict import predict_folder
    from venule.inference.load import load
    from venule.inference.prediction import Prediction
    from venule.inference.segment import Segmenter

    assert (venule.load, venule.Prediction, venule.Segmenter) == (load, Prediction, Segmenter)
    assert venule.predict_folder is predict_folder
    assert set(venule.__all__) <= set(dir(venule))
    for name in venule.__all__:
        assert getattr(venule, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    import venule

    with pytest.raises(AttributeError, match="'venule' has no attribute 'nonsense'"):
        venule.nonsense  # type: ignore[attr-defined]  # noqa: B018 - looking it up is the test
