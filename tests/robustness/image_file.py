"""Damaged and odd image files of every format that is read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from interp.storage.pixel import MAX_PIXELS
from robustness.damage import damage
from robustness.runner import Case

SIDES = (0, 1, 2, 7, 255, 256, 4096, 65_535, 65_536, 1_000_000, 100_000_000, 2**31 - 1, 2**32 - 1)
DTYPES = ("<u1", "<u2", "<i2", "<i8", "<f2", "<f4", "<f8", "|b1", "<c8", "|S3", "|O", "<M8[s]")


def image_case(folder: Path, random: Random) -> Case:
    """One image, broken or odd in some way, that a model is asked about."""
    way = random.choice((_damaged, _damaged, _damaged, _damaged, _png_size, _long, _array, _header))
    name, data, broken = way(random)
    (folder / name).write_bytes(data)
    words = ("predict", "--model", "../model.onnx", "--image", name)
    return Case(words, "image", name, broken)


def _pixels(random: Random, *shape: int) -> np.ndarray:
    return np.random.default_rng(random.randrange(2**32)).integers(0, 256, shape, np.uint8)


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _picture(random: Random) -> tuple[str, bytes]:
    """A whole picture of some format and mode: its file's ending and content."""
    form, mode, options = random.choice(FORMS)
    picture = Image.fromarray(_pixels(random, 24, 32, 4), "RGBA")
    picture = picture.convert("L").convert(mode) if mode[0] in "FI" else picture.convert(mode)
    if options.get("save_all"):
        options = {**options, "append_images": [picture.rotate(90)] * 2}
    return form.lower().replace("tiff", "tif"), _saved(picture, form, **options)


FORMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("PNG", mode, {}) for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
    *(("JPEG", mode, {}) for mode in ("RGB", "L", "CMYK")),
    ("JPEG", "RGB", {"progressive": True}),
    *(("TIFF", mode, {}) for mode in ("RGB", "RGBA", "L", "F", "I;16", "CMYK")),
    *(("TIFF", "RGB", {"compression": each}) for each in ("tiff_lzw", "tiff_deflate", "jpeg")),
    ("TIFF", "RGB", {"save_all": True}),
    *(("GIF", mode, {"save_all": True}) for mode in ("P", "L")),
    *(("WEBP", mode, {"lossless": each}) for mode in ("RGB", "RGBA") for each in (True, False)),
    *(("BMP", mode, {}) for mode in ("RGB", "L", "1", "P")),
    *(("PPM", mode, {}) for mode in ("RGB", "L")),
    ("TGA", "RGB", {"compression": "tga_rle"}),
    ("JPEG2000", "RGB", {}),
)


def _damaged(random: Random) -> tuple[str, bytes, bool]:
    """A picture with bytes changed, sometimes under another format's name."""
    suffix, data = _picture(random)
    suffix = "jp2" if suffix == "jpeg2000" else suffix
    if random.randrange(10) == 0:
        suffix = random.choice(("png", "jpg", "tif", "npy", "bmp", "dcm", "heic"))
        return f"image.{suffix}", data if suffix != "npy" else damage(data, random), False
    return f"image.{suffix}", damage(data, random), False


def _png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _png_size(random: Random) -> tuple[str, bytes, bool]:
    """A PNG whose header, its checksum right, tells another size than its data have."""
    width, height = random.choice(SIDES), random.choice(SIDES)
    rows = zlib.compress((b"\0" + bytes(32)) * 24)
    depth, colour = random.choice(((8, 0), (8, 2), (16, 0), (1, 0), (8, 3), (8, 6), (4, 2)))
    return "image.png", _png(width, height, rows, depth, colour), False


def _long(random: Random) -> tuple[str, bytes, bool]:
    """A whole PNG of one row or few, or of many pixels."""
    width, height = random.choice(
        (
            *((1, 1000), (1, 65_535), (65_535, 1), (1, 100_000), (1, 10_000_000)),
            *((3, 20_000), (20_000, 3), (8000, 8000), (10_000, 10_000), (12_000, 12_000)),
        )
    )
    row = zlib.compressobj(1)
    data = b"".join([*(row.compress(b"\0" + bytes(width)) for _ in range(height)), row.flush()])
    return "image.png", _png(width, height, data), width * height > MAX_PIXELS


def _array(random: Random) -> tuple[str, bytes, bool]:
    """A NumPy file of some shape and type, sometimes damaged."""
    shape = tuple(random.choice((0, 1, 2, 3, 4, 8, 16, 33)) for _ in range(random.randrange(6)))
    kind = random.choice(DTYPES)
    values = np.zeros(shape, kind) if kind[1] in "OSM" else _pixels(random, *shape).astype(kind)
    if values.dtype.kind == "f" and values.size:
        odd = random.choice((0.5, np.nan, np.inf, -1e30, 1e30, 1.0))
        with np.errstate(over="ignore"):
            values.flat[0] = odd
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    data = stream.getvalue()
    return "image.npy", damage(data, random) if random.randrange(2) else data, False


def _header(random: Random) -> tuple[str, bytes, bool]:
    """A NumPy file with a header of its own making over a few bytes."""
    shape = random.choice(
        (
            *("(100000000, 100000000)", "(-1, 3)", "(2.5, 3)", "(1000000, 1000000, 3)", "()"),
            *("('a',)", "(4, 4, 3", "None", "(0, 0, 3)", "(1, 100000000)", "(((((1,),),),),)"),
            *("(2**40, 1)", "(99999999999999999999999, 3)", f"({'1,' * 70})"),
        )
    )
    kind = random.choice((*DTYPES, "<f999", "V8", "'", "[('a', 'i4')]"))
    head = (
        f"{{'descr': '{kind}', 'fortran_order': {random.choice(('True', '2'))}, 'shape': {shape}}}"
    )
    version = random.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
    size = struct.pack("<H" if version[0] == 1 else "<I", random.choice((len(head), 10, 2**15)))
    return "image.npy", b"\x93NUMPY" + version + size + head.encode() + bytes(64), False


CASES: dict[str, Callable[[Path, Random], Case]] = {"image": image_case}
