"""Images in, whatever the camera or the internet made of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interp.errors import InputError
from interp.storage.image import open_image


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_rgb_comes_as_rgb(tmp_path: Path) -> None:
    path = saved(tmp_path / "red.png", Image.new("RGB", (5, 4), (255, 10, 0)))
    image = open_image(path)
    assert image.shape == (4, 5, 3) and image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 10, 0]


def test_grey_palette_and_cmyk(tmp_path: Path) -> None:
    grey = open_image(saved(tmp_path / "grey.png", Image.new("L", (3, 3), 77)))
    assert grey[1, 1].tolist() == [77, 77, 77]
    palette = Image.new("RGB", (3, 3), (0, 255, 0)).convert("P")
    assert open_image(saved(tmp_path / "palette.png", palette))[0, 0].tolist() == [0, 255, 0]
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert open_image(saved(tmp_path / "cmyk.jpg", cmyk))[4, 4, 0] > 200


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (32896, 128), (65535, 255)])
def test_sixteen_bits_are_scaled_not_wrapped(tmp_path: Path, value: int, expected: int) -> None:
    deep = Image.fromarray(np.full((4, 4), value, np.uint16))
    assert open_image(saved(tmp_path / "deep.png", deep))[0, 0].tolist() == [expected] * 3


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    found = open_image(saved(tmp_path / "clear.png", image))
    assert found[0].tolist() == [[255, 255, 255], [255, 0, 0]]


def test_exif_rotation_is_undone(tmp_path: Path) -> None:
    lying = Image.new("RGB", (6, 4), (0, 0, 255))
    exif = lying.getexif()
    exif[274] = 6
    assert open_image(saved(tmp_path / "turned.jpg", lying, exif=exif)).shape == (6, 4, 3)


def broken(folder: Path) -> dict[str, Path]:
    whole = saved(folder / "whole.png", Image.effect_noise((64, 64), 50))
    photo = saved(folder / "whole.jpg", Image.effect_noise((64, 64), 50))
    files = {
        "no such image": folder / "missing.png",
        "empty": folder / "empty.png",
        "not an image": folder / "text.png",
        "truncated": folder / "half.png",
        "truncated or damaged": folder / "half.jpg",
        "found a folder": folder,
        "pixels": folder / "bomb.png",
    }
    files["empty"].write_bytes(b"")
    files["not an image"].write_text("hello")
    files["truncated"].write_bytes(whole.read_bytes()[:900])
    files["truncated or damaged"].write_bytes(photo.read_bytes()[:900])
    _write_bomb(files["pixels"])
    return files


def _write_bomb(path: Path) -> None:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    import struct
    import zlib

    def block(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    blocks = block(b"IHDR", header) + block(b"IDAT", data) + block(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + blocks)


def test_bad_files_give_one_line(tmp_path: Path) -> None:
    for words, path in broken(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            open_image(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
