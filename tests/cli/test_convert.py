from pathlib import Path

import pytest

from support.commands import Run

torch = pytest.importorskip("torch")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """An original DDRNet's checkpoint with the classifier of another network behind it."""
    from support.original_ddrnet import OriginalDDRNet

    state = OriginalDDRNet().state_dict() | {"linear.bias": torch.zeros(10)}
    torch.save({"state_dict": state}, tmp_path / "ddrnet.pth")
    return tmp_path / "ddrnet.pth"


def test_a_checkpoint_is_converted_and_what_was_left_out_is_named(
    venule: Run, checkpoint: Path
) -> None:
    out = checkpoint.with_name("out.safetensors")
    done = venule("convert", checkpoint, "-o", out)
    assert (done.code, done.err) == (0, "")
    assert "ddrnet23-slim, ddrnet names" in done.out
    assert "unexpected: linear.bias" in done.out
    assert f'network.pretrained = "{out}"' in done.out
    assert out.is_file()


def test_an_older_file_is_not_replaced_unless_told(venule: Run, checkpoint: Path) -> None:
    out = checkpoint.with_name("out.safetensors")
    out.write_text("older")
    done = venule("convert", checkpoint, "-o", out)
    assert done.code == 2
    assert "--overwrite" in done.err
    assert out.read_text() == "older"
    assert venule("convert", checkpoint, "-o", out, "--overwrite").code == 0


def test_another_ending_is_a_usage_error(venule: Run, checkpoint: Path) -> None:
    done = venule("convert", checkpoint, "-o", checkpoint.with_name("out.onnx"))
    assert done.code == 2
    assert "ends in .safetensors" in done.err


def test_a_file_that_is_no_checkpoint_is_one_line(venule: Run, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_text("nothing")
    done = venule("convert", tmp_path / "x.pth", "-o", tmp_path / "x.safetensors")
    assert done.code == 2
    assert done.err.startswith("venule: error: ")
    assert done.err.count("\n") == 1
