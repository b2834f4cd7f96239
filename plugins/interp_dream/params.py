"""Parameters of feature visualization: what is pictured, and how its picture is found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interp.params import Params

Index = Annotated[int, Field(ge=0)]


class DreamParams(Params):
    """What both methods share; the defaults are those of free Fourier coefficients."""

    of: Literal["both", "channels", "classes"] = Field(
        "both", description="what is pictured: channels of the layer, classes, or both"
    )
    layer: str | None = Field(
        None, description="layer whose channels are pictured; default: the last map"
    )
    channels: tuple[Index, ...] = Field(
        (),
        description="channels to picture; default: those that differ most from image to image, or "
        "on an image those that matter most to the target",
    )
    cell: tuple[Index, ...] = Field(
        (),
        max_length=2,
        description="row and column of the layer's grid: pictures of single neurons, the channels "
        "at this cell; default: the channels' mean over the grid",
    )
    classes: tuple[str, ...] = Field(
        (), description="classes that survey pictures; default: the first ones"
    )
    shown: int = Field(4, ge=1, le=1000, description="most channels, and most classes, to picture")
    steps: int = Field(
        128,
        ge=1,
        le=100_000,
        description="most steps of Adam for each picture; a smaller budget of samples lowers it",
    )
    rate: float = Field(0.01, gt=0, le=10, description="Adam's learning rate")
    copies: int = Field(
        1, ge=1, le=256, description="transformed copies of the picture that a step looks at"
    )
    crop_low: float = Field(
        0.9, gt=0, le=2, description="smallest part of the picture that a copy shows, by its side"
    )
    crop_high: float = Field(
        1.1, gt=0, le=2, description="largest part; above 1 the picture is mirrored at its edges"
    )
    rotate: float = Field(5.0, ge=0, le=180, description="largest rotation of a copy, in degrees")
    jitter: float = Field(
        0.07, ge=0, le=1, description="largest shift of a copy beside that of its part, by the side"
    )
    noise: float = Field(
        0.0, ge=0, le=1, description="standard deviation of noise on a copy; pixels are in [0, 1]"
    )
    decay: float = Field(
        1.0, ge=0, le=4, description="exponent by which high frequencies move more slowly"
    )
    transparent: bool = Field(
        False, description="show each picture a second time, faded where its pixels matter little"
    )
    control: bool = Field(
        True, description="add the picture of a random direction of the channels or classes"
    )
    looked_at: int = Field(
        500, ge=2, le=100_000, description="most images of the data that pictures are compared with"
    )

    def most_pictures(self, targets: int, images: int) -> int:
        """How many pictures these targets and images ask for, if each has channels of its own."""
        channels = len(self.channels) or targets * images * self.shown
        asked = {"channels": channels, "classes": targets}
        return sum(n + self.control for of, n in asked.items() if self.of in ("both", of))


class MacoParams(DreamParams):
    """MaCo's: only phases move, so that `decay` shapes the spectrum where no images are given."""

    rate: float = Field(0.2, gt=0, le=10, description="Adam's learning rate, in radians a step")
    rotate: float = Field(0.0, ge=0, le=180, description="largest rotation of a copy, in degrees")
    jitter: float = Field(
        0.05, ge=0, le=1, description="largest shift of a copy beside that of its part, by the side"
    )
    noise: float = Field(
        0.05, ge=0, le=1, description="standard deviation of noise on a copy; pixels are in [0, 1]"
    )
    transparent: bool = Field(
        True, description="show each picture a second time, faded where its pixels matter little"
    )
