"""Images in, whatever the camera or the internet made of them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, ImageOps, features

from interp.errors import InputError
from interp.opening.images import open_data
from interp.registry import Registry
from interp.storage.image import images_in, open_image, read_image
from interp.storage.pixel import MAX_PIXELS
from interp_dashboard.upload import take_image


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
        "sides of at most 65,535": folder / "long.png",
    }
    files["empty"].write_bytes(b"")
    files["not an image"].write_text("hello")
    files["truncated"].write_bytes(whole.read_bytes()[:900])
    files["truncated or damaged"].write_bytes(photo.read_bytes()[:900])
    _write_bomb(files["pixels"], 60_000, 60_000)
    _write_bomb(files["sides of at most 65,535"], 1, 70_000)
    return files


def _write_bomb(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes whose header claims many pixels."""
    import struct
    import zlib

    def block(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    blocks = block(b"IHDR", header) + block(b"IDAT", data) + block(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + blocks)


def test_bad_files_give_one_line(tmp_path: Path) -> None:
    for words, path in broken(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            open_image(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


RAMP = np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (16, 1))
COLOURS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def many(folder: Path) -> Iterator[Path]:
    """Files whose pixels Pillow does not give as upright 8-bit RGB by itself."""
    yield saved(folder / "deep.png", Image.fromarray(RAMP))
    clear = np.full((8, 8, 4), 200, np.uint8)
    clear[:, :4] = 0
    yield saved(folder / "clear.png", Image.fromarray(clear))
    yield saved(folder / "grey-clear.png", Image.fromarray(clear).convert("LA"))
    turned = Image.fromarray(COLOURS)
    exif = turned.getexif()
    exif[274] = 6
    yield saved(folder / "turned.png", turned, exif=exif)
    yield saved(folder / "palette.gif", turned.convert("P"))
    yield saved(folder / "floats.tif", Image.fromarray((RAMP / 65535).astype(np.float32)))
    yield saved(folder / "pages.tif", turned, save_all=True, append_images=[Image.new("L", (4, 4))])


def test_a_pillow_picture_gives_what_its_file_gives(tmp_path: Path) -> None:
    for path in many(tmp_path):
        by_file, by_object = read_image(path), read_image(Image.open(path))
        assert np.array_equal(by_file.pixels, by_object.pixels), path.name
        assert by_file.notes == by_object.notes, path.name


def test_twelve_bits_in_sixteen_are_told(tmp_path: Path) -> None:
    narrow = (RAMP // 16).astype(np.uint16)
    (note,) = read_image(saved(tmp_path / "grey.png", Image.fromarray(narrow))).notes
    assert note.startswith("values reach 4095 of 65535") and "if white is 4095" in note
    assert read_image(narrow).notes == (note,)
    assert read_image(RAMP).notes == ()
    tifffile = pytest.importorskip("tifffile")
    for name, colours in (("dark", narrow), ("bright", RAMP)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.dstack([colours] * 3), photometric="rgb")
    (note,) = read_image(tmp_path / "dark.tif").notes
    assert "so the model is shown a dark image, 0 to 14 of 255" in note
    assert read_image(tmp_path / "bright.tif").notes == ()


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_values_without_a_known_white_are_refused(tmp_path: Path, kind: type) -> None:
    tomography = np.tile(np.linspace(-1000, 2000, 32).astype(kind), (16, 1))
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "ct.tif", tomography)
    for given in (tmp_path / "ct.tif", tomography):
        with pytest.raises(InputError, match=r"from -1000 to 2000.* to 255"):
            read_image(given)


def test_a_fourth_band_is_told(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    infrared = np.random.default_rng(1).integers(0, 256, (12, 16, 1), dtype=np.uint8)
    bands = np.concatenate([COLOURS, infrared], 2)
    tifffile.imwrite(tmp_path / "marked.tif", bands, photometric="rgb")
    tifffile.imwrite(tmp_path / "unmarked.tif", bands, photometric="rgb", extrasamples=[0])
    for name in ("marked", "unmarked"):
        found = read_image(tmp_path / f"{name}.tif")
        assert np.array_equal(found.pixels, COLOURS), name
        assert len(found.notes) == 1 and "left out" in found.notes[0], name
    bands[..., 3] = np.where(infrared[..., 0] > 127, 255, 0)
    tifffile.imwrite(tmp_path / "cut out.tif", bands, photometric="rgb")
    found = read_image(tmp_path / "cut out.tif")
    assert found.pixels[infrared[..., 0] < 128].min() == 255 and "over white" in found.notes[0]
    tifffile.imwrite(
        tmp_path / "mixed.tif",
        np.concatenate([COLOURS, infrared], 2),
        photometric="rgb",
        extrasamples=["assocalpha"],
    )
    found = read_image(tmp_path / "mixed.tif")  # no colours: for models of four channels alone
    assert found.pixels.shape == (12, 16, 4) and found.pixels.dtype == np.float32


def test_one_page_of_several_is_told_or_named(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (4, 4), (level, 0, 0)) for level in (10, 120, 240)]
    np.save(tmp_path / "stack.npy", np.stack([np.asarray(each) for each in pages]))
    for name in ("pages.tif", "moving.gif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    for name in ("pages.tif", "moving.gif", "stack.npy"):
        (note,) = read_image(tmp_path / name).notes
        assert "1 of 3 was read; name another as FILE#2" in note
        found = read_image(f"{tmp_path / name}#2")
        assert found.pixels[0, 0, 0] == 120 and found.notes == ()
        for page in (0, 4):
            with pytest.raises(InputError, match=f"found 3 .*no #{page}"):
                read_image(f"{tmp_path / name}#{page}")
    pages[2].save(tmp_path / "pages#7", format="png")
    assert read_image(tmp_path / "pages#7").pixels[0, 0, 0] == 240


def shapes() -> Iterator[tuple[object, str]]:
    """The same picture in the usual conventions, and what is said about each."""
    first = COLOURS.transpose(2, 0, 1)
    yield COLOURS, ""
    yield first, "12 x 16 values were read as (C, H, W)"
    yield torch.tensor(first), ""
    yield torch.tensor(COLOURS), "12 x 16 x 3 values were read as (H, W, C)"
    yield torch.tensor(first) / 255, "were read as [0, 1]"
    yield (torch.tensor(first).float() / 255).requires_grad_(), "were read as [0, 1]"
    yield COLOURS / 255, "were read as [0, 1]"
    yield COLOURS.astype(np.float32), "were read as 0 to 255"
    yield COLOURS.astype(np.int64), "were read as 0 to 255"
    yield torch.tensor(first).bfloat16(), "were read as 0 to 255"


def test_arrays_and_tensors_in_their_usual_conventions(tmp_path: Path) -> None:
    for given, said in shapes():
        found = read_image(given)
        assert found.pixels.dtype == np.uint8 and np.array_equal(found.pixels, COLOURS), said
        assert said in "; ".join(found.notes) and bool(said) == bool(found.notes)
        if isinstance(given, np.ndarray):
            np.save(tmp_path / "one.npy", given)
            assert read_image(tmp_path / "one.npy").notes == found.notes
    grey = COLOURS[..., 0]
    for given in (grey, grey[None], grey[..., None], torch.tensor(grey), torch.tensor(grey)[None]):
        assert np.array_equal(read_image(given).pixels, np.stack([grey] * 3, 2))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.full((4, 4), np.nan), "NaN"),
        (np.full((4, 4), np.inf, np.float32), "infinite"),
        (torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)), "before normalisation"),
        (np.linspace(0, 1.02, 16).reshape(4, 4), "from 0 to 1.02, expected .0, 1. or 0 to 255"),
        (np.full((4, 4), 300.0), "expected"),
        (np.full((4, 4), 4000), "expected 0 to 255, or uint16"),
        (np.zeros((1, 4, 5, 3), np.uint8), "one by one"),
        (np.zeros((4, 8, 4), np.uint8), r"found an array of 4 x 8 x 4 .* no axis must be"),
        (np.zeros((0, 4, 3), np.uint8), "found 4 x 0 pixels"),
        (np.zeros((4, 4), bool), "found bool values"),
        (np.zeros((4, 4), complex), "found complex128 values"),
        (np.zeros(4), "found an array of 4 values"),
        (None, "found an image of NoneType"),
    ],
)
def test_arrays_that_are_no_image_give_one_line(given: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_image(given)
    assert "\n" not in str(caught.value)


def test_numpy_files_are_checked(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "torn.npy").write_bytes(b"\x93NUMPY")
    head = b"{'descr': '<f4', 'fortran_order': True, 'shape': (4, 4, 3"
    (tmp_path / "open.npy").write_bytes(b"\x93NUMPY\1\0" + bytes([len(head), 0]) + head)
    for name in ("objects", "torn", "open"):
        with pytest.raises(InputError, match=f"{name}.npy: cannot be read"):
            read_image(tmp_path / f"{name}.npy")


def test_an_array_of_too_many_values_is_not_read(tmp_path: Path) -> None:
    many = np.lib.format.open_memmap(tmp_path / "many.npy", "w+", np.float32, (6000, 6000, 3))
    many.flush()
    with pytest.raises(InputError, match=r"108,000,000 values of float32; expected at most 64,"):
        read_image(tmp_path / "many.npy")


def test_whatever_a_decoder_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "odd.png", Image.new("RGB", (4, 4)))
    monkeypatch.setattr("interp.storage.image.from_picture", lambda *_: [][0])
    with pytest.raises(InputError, match=r"odd\.png: the image is truncated or damaged"):
        read_image(path)


def test_numpy_files_beside_photographs_are_no_images(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", COLOURS)
    assert [each.name for each in images_in(tmp_path)] == ["a.npy"]
    Image.fromarray(COLOURS).save(tmp_path / "b.png")
    assert [each.name for each in images_in(tmp_path)] == ["b.png"]


@pytest.mark.parametrize(
    ("module", "name", "content"),
    [
        ("pydicom", "scan.dcm", b"anything"),
        ("pydicom", "scan", b"\0" * 128 + b"DICM"),
        ("pillow_heif", "photo.heic", b"anything"),
    ],
)
def test_an_absent_extra_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, content: bytes
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="which is not installed; pip install") as caught:
        read_image(tmp_path / name)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_avif_is_read_where_pillow_can(tmp_path: Path) -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    path = saved(tmp_path / "photo.avif", Image.new("RGB", (16, 16), (200, 10, 10)))
    assert abs(int(open_image(path)[8, 8, 0]) - 200) < 8


class Scan(dict):
    """What pydicom.dcmread returns, of a file with these facts."""

    def __getattr__(self, name: str) -> object:
        return self[name]


def read_scan(folder: Path, monkeypatch: pytest.MonkeyPatch, page: str = "", **facts: object):
    """read_image of a DICOM file, by a stand-in for pydicom that gives these facts."""
    values = facts["pixel_array"]
    assert isinstance(values, np.ndarray)
    known = {"Rows": 2, "Columns": 4, "PhotometricInterpretation": "MONOCHROME2", **facts}
    pixels = ModuleType("pydicom.pixels")
    pixels.apply_modality_lut = lambda stored, _: stored * 2.0 - 1000  # type: ignore[attr-defined]
    stand_in = ModuleType("pydicom")
    stand_in.dcmread = lambda file: Scan(known)  # type: ignore[attr-defined]
    stand_in.pixels = pixels  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pydicom", stand_in)
    monkeypatch.setitem(sys.modules, "pydicom.pixels", pixels)
    (folder / "scan.dcm").write_bytes(b"x")
    return read_image(f"{folder / 'scan.dcm'}{page}")


class Value:
    def __init__(self, value: object) -> None:
        self.value = value


def test_dicom_is_windowed_as_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = np.array([[0, 500, 525, 550], [600, 700, 800, 900]], np.int16)  # -1000 ... 800
    window = {"WindowCenter": Value([50, 90]), "WindowWidth": Value([100, 9])}
    found = read_scan(tmp_path, monkeypatch, pixel_array=stored, **window)
    assert found.pixels[..., 0].tolist() == [[0, 0, 128, 255], [255] * 4]
    assert found.notes == ("the file's window of 0 to 100 was mapped to 0 to 255",)
    inverted = read_scan(
        tmp_path,
        monkeypatch,
        pixel_array=stored,
        PhotometricInterpretation="MONOCHROME1",
        **window,
    )
    assert inverted.pixels[..., 0].tolist() == [[255, 255, 128, 0], [0] * 4]
    found = read_scan(tmp_path, monkeypatch, pixel_array=stored)
    assert "names no window; its values -1000 to 800" in found.notes[0]
    frames = np.stack([stored, stored[::-1]])
    found = read_scan(tmp_path, monkeypatch, pixel_array=frames, NumberOfFrames=2)
    assert "frame 1 of 2" in found.notes[0]
    turned = read_scan(tmp_path, monkeypatch, "#2", pixel_array=frames, NumberOfFrames=2)
    assert np.array_equal(turned.pixels, found.pixels[::-1])
    with pytest.raises(InputError, match="found 2 frames"):
        read_scan(tmp_path, monkeypatch, "#3", pixel_array=frames, NumberOfFrames=2)


def test_one_limit_of_pixels_holds_before_any_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a file, a page, a Pillow picture, a data set's image and an uploaded one."""
    side = int(MAX_PIXELS**0.5) + 1
    path = tmp_path / "a" / "large.png"
    path.parent.mkdir()
    _write_bomb(path, side, side)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it was decoded"))
    ways = {
        "file": lambda: read_image(path),
        "page": lambda: read_image(f"{path}#1"),
        "picture": lambda: read_image(Image.open(path)),
        "data set": lambda: open_data(Registry.load(), str(tmp_path / "a"), 1, 0)[0],
        "upload": lambda: take_image("large.png", path.read_bytes()),
    }
    for read in ways.values():
        with pytest.raises(InputError, match=f"at most {MAX_PIXELS:,}"):
            read()


def test_a_picture_that_stands_upright_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageOps, "exif_transpose", lambda _: pytest.fail("it was copied"))
    given = Image.new("RGB", (3, 2), (1, 2, 3))
    assert (read_image(given).pixels == (1, 2, 3)).all()
