"""Perturbations of the image: parts of it are hidden by a fill."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator, Field

from interp.context import Context
from interp.engine.component import Experiment, Perturbation
from interp.engine.design import Design, ImageSubject, fill_bands
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.params import Params

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = {"zero": "000000", "black": "000000", "grey": "808080", "white": "ffffff"}
FILLS = ("mean", "blur", "part", *COLOURS)
HEX = re.compile(r"#[0-9a-f]{6}")


def _check_fill(fill: str) -> str:
    if fill in FILLS or HEX.fullmatch(fill):
        return fill
    raise ValueError(f"expected {', '.join(FILLS)} or a colour like #7f7f7f")


Fill = Annotated[str, AfterValidator(_check_fill)]


class FillParams(Params):
    """Parameters of the fill."""

    fill: Fill = Field(
        "mean",
        description="what hides a part: mean (zero after normalisation), blur, zero, grey, white, "
        "or a colour like #7f7f7f; for cells and super-pixels also part, each one's own mean",
    )
    blur: float = Field(
        0.05, gt=0, le=1, description="fill=blur: standard deviation as a share of the shorter side"
    )
    bands: tuple[int, ...] | None = Field(
        None,
        description="channels of the image that are hidden, from 1, while the others stay as they "
        "are; default: all",
    )


class ImagePerturbation(Perturbation):
    """Hides parts of the image; subclasses say which by `design`."""

    @abstractmethod
    def design(self, model: ModelAdapter, pixels: Tensor, count: int, seed: int) -> Design:
        """The states of an image (C, h, w) as the model takes it, to be drawn `count` times."""

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        pixels, placement = model.prepare(image)
        design = self.design(model, pixels, count, context.seed)
        return Experiment(ImageSubject(model, pixels, placement), design, placement)


def cover(
    params: FillParams, model: ModelAdapter, pixels: Tensor, labels: np.ndarray | None = None
) -> Tensor:
    """What hides the pixels (C, h, w): a colour (C,), or an image (C, h, w).

    `labels` (h, w) are the parts, for fill=part.
    """
    return fill_bands(_cover(params, model, pixels, labels), pixels, params.bands)


def _cover(
    params: FillParams, model: ModelAdapter, pixels: Tensor, labels: np.ndarray | None
) -> Tensor:
    """What hides the pixels in all channels."""
    fill = params.fill
    if fill == "blur":
        return _blurred(pixels, params.blur)
    if fill == "part" and labels is not None:
        return _part_means(pixels, labels)
    if fill in ("mean", "part"):
        return pixels.new_tensor(model.spec.input.fill)
    levels = [value / 255 for value in bytes.fromhex(COLOURS.get(fill, fill.removeprefix("#")))]
    if len(set(levels)) == 1:
        return pixels.new_full(pixels.shape[:1], levels[0])
    if len(pixels) != 3:
        raise InputError(
            f"found fill {fill} for an image of {len(pixels)} channels; expected mean, blur or grey"
        )
    return pixels.new_tensor(levels)


def _blurred(pixels: Tensor, share: float) -> Tensor:
    import cv2

    values = pixels.permute(1, 2, 0).float().cpu().numpy()
    sigma = share * min(values.shape[:2])
    smooth = [
        cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        for each in np.ascontiguousarray(values.transpose(2, 0, 1))
    ]
    return pixels.new_tensor(np.stack(smooth))


def _part_means(pixels: Tensor, labels: np.ndarray) -> Tensor:
    """Every pixel in the mean colour of its part, (C, h, w)."""
    values = pixels.flatten(1).double().cpu().numpy()  # (C, h * w)
    flat = labels.ravel()
    size = np.maximum(np.bincount(flat), 1)
    means = np.stack([np.bincount(flat, weights=channel) / size for channel in values])
    return pixels.new_tensor(means[:, labels])
