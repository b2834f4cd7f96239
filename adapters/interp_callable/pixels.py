"""The form in which a function is given images: whole numbers or fractions, and the axes' order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interp.errors import ModelError
from interp.network.preprocess import encode
from interp.spec import InputSpec

PLAIN_MEAN, PLAIN_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
"""The normalisation that changes nothing, of RGB images."""


@dataclass(frozen=True)
class PixelForm:
    """How images (N, 3, h, w) RGB in [0, 1] become the array that a function is given."""

    input: InputSpec
    whole: bool = True
    """Whether values are uint8, 0 to 255; else float32, in [0, 1] before normalisation."""
    layout: str = "hwc"
    """hwc: (N, h, w, 3); chw: (N, 3, h, w); flat: (N, h * w * 3), the values of hwc in a row."""

    def check(self, name: str) -> None:
        """Raise ModelError for a normalisation that whole numbers cannot hold."""
        if self.whole and not self._plain:
            raise ModelError(
                f"{name} is given whole numbers, which cannot be normalised, but found mean "
                f"{self.input.mean} and std {self.input.std}; choose --pixels float"
            )

    def arrays(self, images: Tensor) -> np.ndarray:
        """Images (N, 3, h, w) as a new array in this form; other sizes are resized."""
        images = images.detach().to("cpu", torch.float32)
        grey = len(self.input.mean) == 1
        if tuple(images.shape[2:]) != self.input.size or self._order or grey or not self._plain:
            images = encode(images, self.input)
        if self.whole:
            images = images.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
        if self.layout != "chw":
            images = images.permute(0, 2, 3, 1)
        found = images.contiguous().numpy()
        if self.layout == "flat":
            found = found.reshape(len(found), -1)
        return found if self.whole else found.copy()

    @property
    def words(self) -> str:
        """The form in words, as `uint8 (N, 224, 224, 3), 0 to 255, RGB`."""
        (height, width), count = self.input.size, len(self.input.mean)
        order = self.input.order if count == 3 else f"{count} channels"
        shapes = {"hwc": f"{height}, {width}, {count}", "chw": f"{count}, {height}, {width}"}
        shape = shapes.get(self.layout, f"{height * width * count}")
        values = "0 to 255" if self.whole else "0 to 1" if self._plain else "normalised"
        return f"{'uint8' if self.whole else 'float32'} (N, {shape}), {values}, {order}"

    @property
    def _order(self) -> bool:
        return self.input.order != "RGB"

    @property
    def _plain(self) -> bool:
        return set(self.input.mean) == {0} and set(self.input.std) == {1}


def pixel_form(text: str | None, spec: InputSpec) -> PixelForm:
    """The form that an option names: uint8 or float, and the layout after a hyphen, if any."""
    kind, _, layout = (text or "uint8").partition("-")
    return PixelForm(spec, kind == "uint8", layout or "hwc")
