"""The readout `pixels`: a class's score over the pixels of a segmentation where it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import InputError, ModelError
from interp.network.layout import LayoutReader, corner_images, sketches
from interp.network.outputs import outline, tensors
from interp.network.pixel_scores import mean_log_odds, weighted_mean
from interp.opening.class_readout import ClassReadout, opposite
from interp.opening.pixel_region import (
    FORMS,
    IMAGE,
    PREDICTED,
    PixelRegion,
    box_around,
    on_grid,
    on_image,
    parse_region,
)
from interp.params import Params
from interp.readout import OutputDescription, RawImage, RawOutput, Readout, Region
from interp.spec import PROBABILITY, VALUE, InputSpec

if TYPE_CHECKING:
    from torch import Tensor

NAMED = ("out", "logits")
"""Parts of an answer that are the segmentation by their names: torchvision's, transformers'."""
BACKGROUND = "background"
"""What is in the name of the class of everything else."""
LOGIT = "logit"
SHOWN = 5
"""How many classes a note names."""
Maps = Callable[["Tensor"], "Tensor"]


class PixelParams(Params):
    """Parameters of the readout `pixels`."""

    region: str = Field(
        PREDICTED,
        description=f"pixels over which a class's score is averaged: {FORMS}; predicted: where the "
        "model finds the class in the image as it is; numbers in pixels of the image",
    )
    score: Literal["probability", "logit"] = Field(
        "probability",
        description="what is averaged: each pixel's probability of the class (its logit is the log "
        "odds of the mean), or the model's raw output",
    )
    activation: Literal["softmax", "sigmoid", "none"] | None = Field(
        None,
        description="what makes probabilities of a pixel's raw output; default: as --activation "
        "says, else as the answers look",
    )


class PixelReadout(Readout):
    """Segmentations (N, K, h, w): the score of a class is its mean over a region of the image.

    So are maps of values, such as depth, with the activation "none".

    Each pixel is read as class scores are, so that one channel is a class and its opposite. Of
    probabilities p, the score is the log odds of their mean, log(mean p) - log(mean(1 - p)), which
    a sigmoid turns into the mean probability: a softmax over mean logits would compare classes over
    different pixels. With `score=logit` it is the mean raw output itself, as in Seg-Grad-CAM
    (Vinogradova et al., Towards Interpretable Semantic Segmentation via Gradient-weighted Class
    Activation Mapping, AAAI 2020).
    """

    Params: ClassVar[type[Params]] = PixelParams

    def part(self, answer: object, count: int) -> tuple[str, ...] | None:
        """The part called `out` or `logits`, else the only one with a map for each image."""
        found = [path for path, each in tensors(answer) if each.dim() == 4 and len(each) == count]
        named = [path for path in found if path[-1] in NAMED]
        chosen = named if len(named) == 1 else found
        return chosen[0] if len(chosen) == 1 else None

    def read(self, output: RawOutput) -> OutputDescription:
        region = parse_region(self.params.region)
        value = _check(output)
        last, notes = channels_last(output, value)
        maps = _channels_first if last else _as_they_are
        pixels = _read_pixels(output, maps, self.params.activation)
        if self.params.score == "logit" and pixels.normalised:
            raise ModelError(
                f"{output.model} answers probabilities, of which readout pixels knows no logits; "
                "leave out score=logit"
            )
        channels = value.shape[3 if last else 1]
        reading = PixelReading(pixels, maps, region, self.params.score, channels)
        return replace(reading.describe(), focus=reading.focus, notes=[*pixels.notes, *notes])


@dataclass(frozen=True, eq=False)
class PixelReading:
    """How a model's maps are read: each of its `pixels` so, and averaged over a region."""

    pixels: OutputDescription
    maps: Maps
    """The raw output as maps (N, C, h, w)."""
    region: PixelRegion
    score: str
    channels: int
    """How many channels the maps have."""

    @property
    def unit(self) -> str:
        """Unit of the scores, once they are activated; maps without an activation are of values."""
        if self.pixels.activation == "none" and not self.pixels.normalised:
            return VALUE
        return PROBABILITY if self.score == "probability" else LOGIT

    @property
    def odds(self) -> bool:
        """Whether the scores are log odds of mean probabilities, not plain means."""
        return self.unit == PROBABILITY and not self.pixels.normalised

    def describe(self, weights: np.ndarray | None = None) -> OutputDescription:
        """The scores over cells of these weights (K, h, w), or (1, h, w) for all classes alike.

        None: over all cells.
        """
        return OutputDescription(
            "sigmoid" if self.odds else "none",
            self.pixels.classes,
            self.pixels.normalised,
            scores=self._scores(weights),
            unit=self.unit,
            params={"activation": self.pixels.activation, **self._fixed()},
            map_channels=self.channels,
        )

    def focus(self, image: RawImage) -> OutputDescription:
        """The scores over the region in one image, as the model answered to it."""
        maps = self.class_maps(self.maps(image.value))[0].detach().float()
        grid = (maps.shape[1], maps.shape[2])
        mask = self.region.mask(image.image.shape[:2])
        weights = on_grid(mask, image.placement, grid)[None]
        if not weights.any():
            raise InputError(
                f"found region {self.region}, which lies outside of what the model sees of the "
                "image; expected a pixel that it sees"
            )
        if self.region.kind != PREDICTED:
            shown = None if self.region.kind == IMAGE else Region(box_around(mask), mask)
            return replace(self.describe(weights), regions=(shown,) * len(maps))
        return self._where_predicted(maps, weights, image)

    def _fixed(self) -> dict[str, str]:
        """A mask by its absolute path, so that the model opens from another folder."""
        file = self.region.file
        return {} if file is None else {"region": str(replace(self.region, file=file.resolve()))}

    def class_maps(self, maps: Tensor) -> Tensor:
        """The scores of each pixel (N, K, h, w): both classes' of one channel."""
        return _by_pixel(maps, self.pixels.scores)

    def _where_predicted(
        self, maps: Tensor, seen: np.ndarray, image: RawImage
    ) -> OutputDescription:
        """The scores of each class where it is found; over the whole image where it is not."""
        found = np.logical_and(_winners(maps, self.pixels), seen > 0.5)
        missing = np.logical_not(found.any((1, 2)))
        weights = np.where(missing[:, None, None], seen, found)
        named = [name for name, gone in zip(self.pixels.classes, missing, strict=True) if gone]
        more = f" and {len(named) - SHOWN} more classes" if len(named) > SHOWN else ""
        listed = ", ".join(named[:SHOWN])
        notes = [f"found nowhere in the image, and scored over all of it: {listed}{more}"]
        return replace(
            self.describe(weights),
            regions=tuple(_region(each, image) for each in found),
            order=_by_size(found, self.pixels.classes),
            notes=notes if named else (),
        )

    def _scores(self, weights: np.ndarray | None) -> Callable[[Tensor], Tensor]:
        softmax = self.pixels.activation == "softmax"

        def scores(output: Tensor) -> Tensor:
            maps = self.class_maps(self.maps(output))
            share = None if weights is None else maps.new_tensor(weights)
            return mean_log_odds(maps, share, softmax) if self.odds else weighted_mean(maps, share)

        return scores


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


def channels_last(output: RawOutput, value: Tensor) -> tuple[bool, list[str]]:
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


def _read_pixels(output: RawOutput, maps: Maps, activation: Any) -> OutputDescription:
    """How each pixel's values (C,) are read: as a classifier's scores are.

    An activation in an export's own card is that of the readout's scores, not of a pixel's.
    """
    options, known = output.options, output.known
    if known.readout == "pixels":
        known = known.model_copy(update={"activation": activation})
    elif activation is not None and options.activation is None:
        options = options.model_copy(update={"activation": activation})
    run = output.run
    pixels = _Pixels(
        output.model,
        _rows(maps(output.value.float())),
        options,
        output.card,
        known,
        output.file,
        output.input,
        None if run is None else lambda images: _rows(maps(run(images))),
    )
    return ClassReadout(Params()).read(pixels)


def _rows(maps: Tensor) -> Tensor:
    """The values of each pixel of maps (N, C, h, w), (N * h * w, C)."""
    return maps.movedim(1, -1).flatten(0, -2)


def _by_pixel(maps: Tensor, scores: Callable[[Tensor], Tensor]) -> Tensor:
    """What a function makes of each pixel's values (., C), as maps (N, K, h, w)."""
    last = maps.movedim(1, -1)
    found = scores(last.flatten(0, -2))
    return found.unflatten(0, last.shape[:-1]).movedim(-1, 1)


def _winners(maps: Tensor, pixels: OutputDescription) -> np.ndarray:
    """The pixels where each class is found, (K, h, w) bool: the arg max, or likelier than not.

    The latter for classes that do not exclude each other.
    """
    import torch

    if pixels.activation == "sigmoid" or (pixels.normalised and not _exclusive(maps)):
        found = maps > (0.5 if pixels.normalised else 0)
    else:
        found = torch.arange(len(maps), device=maps.device)[:, None, None] == maps.argmax(0)
    return found.cpu().numpy()


def _exclusive(maps: Tensor) -> bool:
    """Whether probabilities (K, h, w) sum to 1 at each pixel."""
    return bool(((maps.sum(0) - 1).abs() <= 1e-3).all())


def _by_size(found: np.ndarray, classes: tuple[str, ...]) -> tuple[int, ...]:
    """The classes from the largest in the image to the smallest; a background is the last."""
    sizes = found.sum((1, 2)).tolist()
    last = [BACKGROUND in name.casefold() or name == opposite(classes[0]) for name in classes]
    return tuple(sorted(range(len(classes)), key=lambda each: (last[each], -sizes[each])))


def _region(cells: np.ndarray, image: RawImage) -> Region | None:
    mask = on_image(cells, image.placement)
    return Region(box_around(mask), mask) if mask.any() else None


def _as_they_are(output: Tensor) -> Tensor:
    return output


def _channels_first(output: Tensor) -> Tensor:
    return output.permute(0, 3, 1, 2)
