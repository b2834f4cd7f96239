"""The maps of a segmentation: where the classes stand in the answer, and how a pixel is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.errors import ModelError
from interp.network.layout import LayoutReader, corner_images, sketches
from interp.network.outputs import outline
from interp.opening.class_readout import ClassReadout
from interp.params import Params
from interp.readout import Activation, OutputDescription, RawOutput
from interp.spec import InputSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PixelMaps:
    """How a raw output (N, C, h, w), or (N, h, w, C) with classes `last`, gives maps of classes.

    Each pixel's values are read as a classifier's scores are, which `pixel` describes.
    """

    pixel: OutputDescription
    last: bool
    channels: int
    notes: tuple[str, ...]

    def __call__(self, output: Tensor) -> Tensor:
        """The scores of each pixel, (N, K, h, w): both classes' of one channel."""
        values = output if self.last else output.movedim(1, -1)
        found = self.pixel.scores(values.flatten(0, -2))
        return found.unflatten(0, values.shape[:-1]).movedim(-1, 1)

    def winners(self, maps: Tensor) -> np.ndarray:
        """The pixels where each class is found in maps (K, h, w), (K, h, w) bool.

        The arg max, or for classes that do not exclude each other what is likelier than not.
        """
        import torch

        chances = self.pixel.normalised
        exclusive = not chances or bool(((maps.sum(0) - 1).abs() <= 1e-3).all())
        if self.pixel.activation == "sigmoid" or not exclusive:
            found = maps > (0.5 if chances else 0)
        else:
            found = torch.arange(len(maps), device=maps.device)[:, None, None] == maps.argmax(0)
        return found.cpu().numpy()


def read_maps(output: RawOutput, activation: Activation | None) -> PixelMaps:
    """How the maps in a raw output are read. Raises ModelError where it holds none.

    The `activation` is a pixel's, where the options state none. One in an export's own card is that
    of the readout's scores.
    """
    value = _check(output)
    last, notes = _classes_last(output, value)
    options, known, run = output.options, output.known, output.run
    if known.readout == "pixels":
        known = known.model_copy(update={"activation": activation})
    elif activation is not None and options.activation is None:
        options = options.model_copy(update={"activation": activation})

    def rows(answer: Tensor) -> Tensor:
        return (answer if last else answer.movedim(1, -1)).flatten(0, -2)

    pixels = _Pixels(
        output.model,
        rows(value),
        options,
        output.card,
        known,
        output.file,
        output.input,
        None if run is None else lambda images: rows(run(images)),
    )
    pixel = ClassReadout(Params()).read(pixels)
    return PixelMaps(pixel, last, value.shape[3 if last else 1], (*pixel.notes, *notes))


@dataclass(frozen=True, eq=False)
class _Pixels(RawOutput):
    """The output at each pixel as if each were an image."""

    def scores(self) -> Tensor:
        found: Tensor = self.value
        return found


def _check(output: RawOutput) -> Tensor:
    """The answer to two images, (2, ., ., .) float32. Raises ModelError for another one."""
    import torch

    value = output.value
    if not isinstance(value, torch.Tensor) or value.dim() != 4 or len(value) != 2:
        raise ModelError(
            f"{output.model} answers {outline(value)} to 2 images; readout pixels expects a "
            "segmentation, (2, classes, h, w); choose another --readout"
        )
    if not bool(torch.isfinite(value).all()):
        raise ModelError(f"{output.model} answers NaN or infinity; check its weights")
    return value.float()


def _classes_last(output: RawOutput, value: Tensor) -> tuple[bool, list[str]]:
    """Whether an answer (2, ., ., .) has its classes last, and a note where that was measured.

    The axes that have the input's proportions follow the image. Where both may, one corner of an
    image is changed and the cells that answer are looked at.
    """
    _, first, middle, last = value.shape
    leading, trailing = (_fits(sides, output.input) for sides in ((middle, last), (first, middle)))
    if leading != trailing or output.run is None:
        return trailing and not leading, []
    answers = output.run(corner_images(output.input)).float()
    reader = LayoutReader(output.input.size)
    found = reader.describe("", "", tuple(value.shape), None, sketches(answers), cut="none")
    layout = "NCHW" if found is None or found.layout == "other" else found.layout
    seen = "as changes in an image show" if found and found.layout == layout else "assumed"
    words = "last" if layout == "NHWC" else "before its rows and columns"
    return layout == "NHWC", [f"the output's classes stand {words} ({seen})"]


def _fits(sides: tuple[int, int], spec: InputSpec) -> bool:
    """Whether a grid has the input's proportions, up to one cell."""
    (h, w), (height, width) = sides, spec.size
    return min(h, w) > 1 and abs(h * width - w * height) <= max(width, height)
