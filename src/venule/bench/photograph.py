"""A synthetic photograph of any size, as a file, so that timing needs no data set."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from venule.files.atomic import write_bytes
from venule.image.arrays import RGB
from venule.synth.fundus import synthesize_fundus

SYNTHETIC_PX = 512
"""Side of the synthetic image, which is upscaled: rendering a larger one takes too long."""


def photograph(shape: tuple[int, int], *, seed: int = 0) -> RGB:
    """A synthetic fundus centred in a black frame: (H, W, 3) uint8, `shape` = (H, W)."""
    side = min(shape)
    synthetic = Image.fromarray(synthesize_fundus(seed, size_px=min(side, SYNTHETIC_PX)).image)
    synthetic = synthetic.resize((side, side), Image.Resampling.BICUBIC)
    frame = Image.new("RGB", shape[::-1])
    frame.paste(synthetic, ((shape[1] - side) // 2, (shape[0] - side) // 2))
    return np.asarray(frame)


def write_photograph(path: Path, shape: tuple[int, int], *, seed: int = 0) -> None:
    """Write `photograph` as JPEG, as cameras do."""
    encoded = BytesIO()
    Image.fromarray(photograph(shape, seed=seed)).save(encoded, "JPEG", quality=92)
    write_bytes(path, encoded.getvalue())
