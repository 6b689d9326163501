"""The shipped weights find in a stored photograph the vessels that they found when it was stored.

Both files are stored so that nothing but the path from a file to its mask is compared: the
photograph is synthetic (`synthesize_fundus(11, size_px=320)`), the mask is what "general" found in
it in ONNX Runtime. Whoever changes what users get, on purpose, stores the mask anew and says so.
"""

from pathlib import Path

import numpy as np

from venule.image.io import read_mask
from venule.inference.load import load

GOLDEN = Path(__file__).parent / "golden"


def test_general_finds_the_stored_vessels_in_the_stored_photograph() -> None:
    expected = read_mask(GOLDEN / "vessels.png")
    assert 0.03 < expected.mean() < 0.2
    found = load("general", runtime="onnx").segment(GOLDEN / "photograph.png").vessels
    assert found.shape == expected.shape
    assert np.count_nonzero(found == expected) >= 0.9999 * expected.size
