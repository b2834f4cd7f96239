"""Images and targets as programs have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import interp
from interp.storage.image import read_image
from interp.target import parse_target
from robustness.caller import BUDGET, IMAGE, OPTIONS, Caller, maps, network, refuses, same

PICTURES, TARGETS = "Images", "Targets"
COLOURS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
RAMP = np.tile(np.linspace(0, 65535, 20).astype(np.uint16), (24, 1))
TENSOR = torch.from_numpy(IMAGE).permute(2, 0, 1)


def colours() -> Image.Image:
    return Image.fromarray(COLOURS)


def clear() -> Image.Image:
    picture = colours()
    picture.putalpha(Image.fromarray((RAMP // 257).astype(np.uint8)))
    return picture


def turned(folder: Path) -> Path:
    exif = Image.Exif()
    exif[274] = 6
    colours().save(folder / "turned.png", exif=exif)
    return folder / "turned.png"


def transparent(folder: Path) -> Path:
    colours().quantize(8).save(folder / "clear.png", transparency=0)
    return folder / "clear.png"


def pages(folder: Path) -> Path:
    more = [Image.new("L", (4, 4)), Image.new("L", (5, 5))]
    colours().save(folder / "pages.tif", save_all=True, append_images=more)
    return folder / "pages.tif"


def saved(picture: Image.Image, suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"picture.{suffix}"
        picture.save(path)
        return path

    return write


def as_file(write: Callable[[Path], Path], note: str = "") -> Callable[[Path], None]:
    """A call with a picture that is open, equal to its file in pixels and notes."""

    def call(folder: Path) -> None:
        path = write(folder)
        by_file, by_object = read_image(path), read_image(Image.open(path))
        assert np.array_equal(by_file.pixels, by_object.pixels)
        assert by_file.notes == by_object.notes
        assert note in " / ".join(by_file.notes), by_file.notes
        assert by_file.pixels.max() > 0, "black"
        found, expected = (
            interp.explain(network(), image, method="rise", target=0, options=OPTIONS,
                           budget=BUDGET) for image in (Image.open(path), path)
        )  # fmt: skip
        same({"rise": found.map()}, {"rise": expected.map()})
        assert found.notes == expected.notes

    return call


def taken(*images: object) -> Callable[[Path], None]:
    """A call with the usual image in another form."""

    def call(_: Path) -> None:
        for each in images:
            same(maps(network(), ["rise", "gradcam"], each))

    return call


def refused(*images: tuple[object, str]) -> Callable[[Path], None]:
    """Calls with what is no image, each refused with its words."""

    def call(_: Path) -> None:
        for image, words in images:
            refuses(lambda image=image: maps(network(), ["rise"], image), words)

    return call


class Subclass(torch.Tensor):
    """A tensor of the user's own class."""


class Rows(np.ndarray):
    """An array of the user's own class."""


class Index:
    """Whatever says that it is a whole number."""

    def __index__(self) -> int:
        return 2


class Kind(IntEnum):
    """Classes as an enumeration."""

    THIRD = 2


def names(target: Any, classes: Sequence[str] | None = None) -> list[str]:
    """The names of the targets that are explained."""
    found = interp.explain(
        network(), IMAGE, method="edges", target=target, classes=classes, options=OPTIONS
    )
    assert found.provenance is not None
    return list(found.provenance.targets)


def third(*targets: object) -> Callable[[Path], None]:
    def call(_: Path) -> None:
        for each in targets:
            assert names(each) == ["class 2"], each

    return call


def no_targets(_: Path) -> None:
    wrong = (True, np.bool_(False), torch.tensor(True), 2.0, np.float32(2), torch.tensor(2.0), b"2",
             object(), [0, True])  # fmt: skip
    for each in wrong:
        refuses(lambda each=each: names(each), "found a target of ")


NUMBERS = ["3", "1", "0", "2"]
"""Classes that are called by numbers, not by their own."""


def numbers_as_names(_: Path) -> None:
    assert names(3, NUMBERS) == names(np.int64(3), NUMBERS) == names("index:3", NUMBERS) == ["2"]
    assert names("3", NUMBERS) == names("name:3", NUMBERS) == ["3"]
    assert names([3, "3"], NUMBERS) == ["2", "3"]
    assert names("0, not 3", NUMBERS) == ["0, not 3"]


def on_the_command_line(_: Path) -> None:
    """What the command line gives: a text alone, without the road through Python."""
    assert parse_target("1", NUMBERS).index == 1
    refuses(lambda: parse_target("3", NUMBERS), "class 0 and the index of 2; say name:3 or index:3")


def picture(name: str, write: Callable[[Path], Path], note: str = "") -> Caller:
    then = "as its file" + (f"; told: {note}" if note else "")
    return Caller(name, PICTURES, as_file(write, note), then)


OVER_WHITE = "transparency was laid over white"
ROWS = (
    *(picture(f"a Pillow picture of mode {mode}", saved(colours().convert(mode), suffix))
      for mode, suffix in (("1", "png"), ("L", "png"), ("P", "png"), ("CMYK", "tif"),
                           ("YCbCr", "tif"), ("LAB", "tif"))),
    picture("a Pillow picture of mode RGBA", saved(clear(), "png"), OVER_WHITE),
    picture("a Pillow picture of mode LA", saved(clear().convert("LA"), "png"), OVER_WHITE),
    picture("a Pillow picture of mode P with a transparent colour", transparent, OVER_WHITE),
    picture("a Pillow picture of mode I;16", saved(Image.fromarray(RAMP), "png")),
    picture("a Pillow picture of mode I", saved(Image.fromarray(RAMP.astype(np.int32)), "tif")),
    picture("a Pillow picture of mode F",
            saved(Image.fromarray((RAMP / 65535).astype(np.float32)), "tif"), "read as [0, 1]"),
    picture("a Pillow picture turned by its EXIF tag", turned),
    picture("one page of several", pages, "page 1 of 3 was read"),
    picture("12 bits in 16", saved(Image.fromarray((RAMP // 16).astype(np.uint16)), "png"),
            "so the model is shown a dark image"),
    Caller("a Pillow picture of mode PA or HSV", PICTURES, lambda _: [
        maps(network(), ["rise"], colours().convert("P").convert("PA")),
        maps(network(), ["rise"], colours().convert("HSV"))], "read as colours"),
    Caller("signed values", PICTURES,
           lambda _: maps(network(), ["rise"], Image.fromarray(RAMP.astype(np.int32) - 9)),
           refused="whose black and white are not known"),
    Caller("a batch (N, 3, H, W) or (N, H, W, 3)", PICTURES, taken(
        TENSOR[None], IMAGE[None]), "its images one by one: the usual maps"),
    Caller("NaN, truth values, complex numbers, a list", PICTURES, refused(
        (IMAGE * np.float32("nan"), "found NaN or infinite pixels"),
        (IMAGE > 9, "found bool values"), (IMAGE.astype(complex), "found complex128 values"),
        (IMAGE[..., 0].tolist()[0][0], "found an image of int")), "refused, each by its name"),
    Caller("sparse, meta and quantised tensors", PICTURES, refused(
        (TENSOR[0].float().to_sparse(), "found a tensor whose values cannot be read"),
        (torch.empty(3, 4, 4, device="meta"), "found a tensor whose values cannot be read")),
        "refused: found a tensor whose values cannot be read"),
    Caller("a tensor (3, H, W), uint8, float or bfloat16, with a history", PICTURES, taken(
        TENSOR, TENSOR / 255, (TENSOR / 255).requires_grad_() * 1)),
    Caller("a subclass of Tensor, a subclass of ndarray", PICTURES, taken(
        TENSOR.as_subclass(Subclass), IMAGE.view(Rows))),
    Caller("arrays in Fortran's order, read-only, big-endian, with negative strides", PICTURES,
           taken(np.asfortranarray(IMAGE), np.flip(np.flip(IMAGE, 0).copy(), 0),
                 (IMAGE.astype(np.uint16) * 257).astype(">u2"))),
    Caller("an integer of NumPy or torch, an array or tensor of one", TARGETS, third(
        np.int64(2), np.uint8(2), np.array(2), np.array([2]), torch.tensor(2), torch.tensor([2])),
        "the class of that index"),
    Caller("anything with __index__, an enumeration", TARGETS, third(Index(), Kind.THIRD, "2"),
           "the class of that index"),
    Caller("truth values, fractions, bytes, any object", TARGETS, no_targets,
           "refused: found a target of bool; expected a class's name or index"),
    Caller("an index out of range", TARGETS, lambda _: names(-1),
           refused="target -1 is out of range; expected 0 to 3"),
    Caller("classes called by numbers", TARGETS, numbers_as_names,
           "a number is an index, a text a name first"),
    Caller("a bare number on the command line that is a name and another class's index", TARGETS,
           on_the_command_line, "refused: say name:3 or index:3"),
)  # fmt: skip
