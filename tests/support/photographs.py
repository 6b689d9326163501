"""Files of cameras, viewers and programs, and the pixels that should be read from them.

Every file is written by Pillow, by tifffile or by the letter of the format's specification.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image

Pixels = NDArray[Any]

ROWS, COLUMNS = np.mgrid[:24, :40]
EYE = np.stack([ROWS * 7 + 60, COLUMNS * 4 + 20, ROWS * COLUMNS // 8], axis=2).astype(np.uint8)
"""(24, 40, 3): every row and column differs from its neighbours, so that no turn goes unseen."""

GREY = np.repeat(EYE[..., :1], 3, axis=2)
OPAQUE = np.dstack([EYE, np.full(EYE.shape[:2], 255, np.uint8)])


class Case(NamedTuple):
    """A kind of file: how it is written, what is to be read, and how far its loss may reach."""

    write: Callable[[Path], None]
    expected: Pixels = EYE
    tolerance: int = 0


def pillow(pixels: Pixels, kind: str, *, mode: str | None = None, **options: Any) -> Any:
    def write(path: Path) -> None:
        image = Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path, kind, **options)

    return write


def tiff(pixels: Pixels, *, photometric: str = "rgb", **options: Any) -> Any:
    return lambda path: tifffile.imwrite(path, pixels, photometric=photometric, **options)


def raw(content: bytes) -> Any:
    return lambda path: path.write_bytes(content)


def deep(pixels: Pixels, bits: int = 16) -> NDArray[np.uint16]:
    """The pixels in the range of `bits`, as a camera of that depth stores them."""
    levels: NDArray[np.uint16] = np.rint(pixels * ((2**bits - 1) / 255)).astype(np.uint16)
    return levels


def png(pixels: NDArray[np.uint16], color_type: int) -> bytes:
    """A PNG with 16 bits a channel, by the letter of the PNG specification: Pillow writes none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def ppm(kind: str, largest: int, pixels: Pixels) -> bytes:
    stored = pixels.astype("u1" if largest < 256 else ">u2")
    return f"{kind}\n# drawn\n40 24\n{largest}\n".encode() + stored.tobytes()


def planes(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def half_covered() -> Pixels:
    pixels = OPAQUE.copy()
    pixels[:12, :, 3] = 51  # a fifth
    return pixels


ON_BLACK = EYE.copy()
ON_BLACK[:12] = np.rint(EYE[:12] * 0.2).astype(np.uint8)
HALF_COVERED_GREY = half_covered()[..., [0, 3]]
GREY_ON_BLACK = GREY.copy()
GREY_ON_BLACK[:12] = np.rint(GREY[:12] * 0.2).astype(np.uint8)
UPSIDE_DOWN_LIGHT = 255 - GREY[..., 0]
PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
INDEX = EYE[..., 0]


def with_palette(kind: str) -> Any:
    def write(path: Path) -> None:
        image = Image.fromarray(INDEX).convert("P")
        image.putpalette(PALETTE.tobytes())
        image.save(path, kind)

    return write


SEPARATE: dict[str, Any] = {"planarconfig": "separate"}
ALPHA: dict[str, Any] = {"extrasamples": ["unassalpha"]}

CASES = {
    # 8 bits
    "jpeg": Case(pillow(EYE, "JPEG", quality=98, subsampling=0), tolerance=6),
    "jpeg progressive": Case(
        pillow(EYE, "JPEG", quality=98, subsampling=0, progressive=True), tolerance=6
    ),
    "jpeg cmyk": Case(pillow(EYE, "JPEG", mode="CMYK", quality=98), tolerance=9),
    "png": Case(pillow(EYE, "PNG")),
    "png rgba": Case(pillow(half_covered(), "PNG"), ON_BLACK),
    "png palette": Case(with_palette("PNG"), PALETTE[INDEX]),
    "gif": Case(with_palette("GIF"), PALETTE[INDEX]),
    "bmp": Case(pillow(EYE, "BMP")),
    "bmp palette": Case(with_palette("BMP"), PALETTE[INDEX]),
    "webp lossless": Case(pillow(EYE, "WEBP", lossless=True)),
    "webp": Case(pillow(EYE, "WEBP", quality=100), tolerance=20),
    "webp rgba": Case(pillow(half_covered(), "WEBP", lossless=True, exact=True), ON_BLACK),
    "ppm": Case(raw(ppm("P6", 255, EYE))),
    "ppm of 7 bits": Case(raw(ppm("P6", 127, np.rint(EYE / 255 * 127))), tolerance=1),
    "ppm in digits": Case(raw(b"P3 40 24 255 " + b" ".join(b"%d" % v for v in EYE.ravel()))),
    # 8-bit TIFF
    "tiff": Case(tiff(EYE)),
    "tiff strips": Case(tiff(EYE, rowsperstrip=5)),
    "tiff tiles": Case(tiff(EYE, tile=(16, 16))),
    "tiff big-endian": Case(tiff(EYE, byteorder=">")),
    "tiff big": Case(tiff(EYE, bigtiff=True)),
    "tiff zlib": Case(tiff(EYE, compression="zlib", predictor=2)),
    "tiff lzw": Case(pillow(EYE, "TIFF", compression="tiff_lzw")),
    "tiff packbits": Case(pillow(EYE, "TIFF", compression="packbits")),
    "tiff jpeg": Case(pillow(EYE, "TIFF", compression="jpeg", quality=98), tolerance=20),
    "tiff ycbcr": Case(pillow(EYE, "TIFF", mode="YCbCr"), tolerance=3),
    "tiff ycbcr jpeg": Case(
        pillow(EYE, "TIFF", mode="YCbCr", compression="jpeg", quality=98), tolerance=20
    ),
    "tiff cmyk": Case(tiff(np.dstack([255 - EYE, np.zeros_like(INDEX)]), photometric="separated")),
    "tiff palette": Case(
        tiff(INDEX, photometric="palette", colormap=PALETTE.T.astype(np.uint16) * 257),
        PALETTE[INDEX],
    ),
    "tiff planes": Case(tiff(planes(EYE), **SEPARATE)),
    "tiff planes in tiles": Case(tiff(planes(EYE), tile=(16, 16), **SEPARATE)),
    "tiff rgba": Case(tiff(half_covered(), **ALPHA), ON_BLACK),
    "tiff and what is no alpha": Case(tiff(half_covered(), extrasamples=["unspecified"])),
    # 16-bit
    "png 16": Case(raw(png(deep(EYE), 2))),
    "png 16 rgba": Case(raw(png(deep(half_covered()), 6)), ON_BLACK, 1),
    "ppm 16": Case(raw(ppm("P6", 65535, deep(EYE)))),
    "ppm 12": Case(raw(ppm("P6", 4095, deep(EYE, 12)))),
    "ppm 16 in digits": Case(
        raw(b"P3 40 24 65535 " + b" ".join(b"%d" % v for v in deep(EYE).ravel()))
    ),
    "tiff 16": Case(tiff(deep(EYE))),
    "tiff 16 strips": Case(tiff(deep(EYE), rowsperstrip=5)),
    "tiff 16 tiles": Case(tiff(deep(EYE), tile=(16, 16))),
    "tiff 16 big-endian": Case(tiff(deep(EYE), byteorder=">")),
    "tiff 16 big": Case(tiff(deep(EYE), bigtiff=True)),
    "tiff 16 zlib": Case(tiff(deep(EYE), compression="zlib", predictor=2)),
    "tiff 16 zlib big-endian": Case(
        tiff(deep(EYE), compression="zlib", predictor=2, byteorder=">")
    ),
    "tiff 16 planes": Case(tiff(planes(deep(EYE)), **SEPARATE)),
    "tiff 16 planes big-endian": Case(tiff(planes(deep(EYE)), byteorder=">", **SEPARATE)),
    "tiff 16 planes in strips": Case(tiff(planes(deep(EYE)), rowsperstrip=5, **SEPARATE)),
    "tiff 16 planes in tiles": Case(tiff(planes(deep(EYE)), tile=(16, 16), **SEPARATE)),
    "tiff 16 planes zlib": Case(
        tiff(planes(deep(EYE)), compression="zlib", predictor=2, **SEPARATE)
    ),
    "tiff 16 planes big": Case(tiff(planes(deep(EYE)), bigtiff=True, **SEPARATE)),
    "tiff 16 rgba": Case(tiff(deep(half_covered()), **ALPHA), ON_BLACK, 1),
    "tiff 16 cmyk": Case(
        tiff(deep(np.dstack([255 - EYE, np.zeros_like(INDEX)])), photometric="separated")
    ),
}

GREY_CASES = {
    "png": Case(pillow(INDEX, "PNG"), GREY),
    "png with alpha": Case(pillow(INDEX, "PNG", mode="LA"), GREY),
    "png of equal colours": Case(pillow(GREY, "PNG"), GREY),
    "png 16": Case(pillow(deep(INDEX), "PNG"), GREY),
    "png 16 grey and opacity": Case(raw(png(deep(HALF_COVERED_GREY), 4)), GREY_ON_BLACK, 1),
    "jpeg": Case(pillow(INDEX, "JPEG", quality=98), GREY, 4),
    "jpeg of equal colours": Case(pillow(GREY, "JPEG", quality=98), GREY, 4),
    "webp": Case(pillow(INDEX, "WEBP", mode="RGB", quality=100), GREY, 6),
    "gif": Case(pillow(INDEX, "GIF"), GREY),
    "bmp": Case(pillow(INDEX, "BMP"), GREY),
    "pgm": Case(raw(ppm("P5", 255, INDEX)), GREY),
    "pgm 12": Case(raw(ppm("P5", 4095, deep(INDEX, 12))), GREY),
    "tiff": Case(tiff(INDEX, photometric="minisblack"), GREY),
    "tiff 12": Case(tiff(deep(INDEX, 12), photometric="minisblack"), GREY, 1),
    "tiff 16": Case(tiff(deep(INDEX), photometric="minisblack"), GREY),
    "tiff 16 in one plane": Case(
        pillow(deep(INDEX), "TIFF", tiffinfo={ExifTags.Base.PlanarConfiguration: 2}), GREY
    ),
    "tiff 32": Case(tiff(deep(INDEX).astype(np.int32), photometric="minisblack"), GREY),
    "tiff of which 0 is white": Case(tiff(UPSIDE_DOWN_LIGHT, photometric="miniswhite"), GREY),
    "tiff 16 of which 0 is white": Case(
        tiff(deep(UPSIDE_DOWN_LIGHT), photometric="miniswhite"), GREY
    ),
}
