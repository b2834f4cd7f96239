"""The readout `pixels`: a class's score over the pixels of a segmentation where it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import InputError, ModelError
from interp.network.outputs import tensors
from interp.network.pixel_scores import mean_log_odds, weighted_mean
from interp.network.scores import TINY
from interp.opening.class_readout import opposite
from interp.opening.pixel_maps import PixelMaps, read_maps
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
from interp.params import LOCAL, Params
from interp.readout import OutputDescription, RawImage, RawOutput, Readout, Region
from interp.spec import PROBABILITY, VALUE

if TYPE_CHECKING:
    from torch import Tensor

NAMED = ("out", "logits")
"""Parts of an answer that are the segmentation by their names: torchvision's, transformers'."""
BACKGROUND = "background"
"""What is in the name of the class of everything else."""
LOGIT = "logit"
SHOWN = 5
"""How many classes a note names."""


class PixelParams(Params):
    """Parameters of the readout `pixels`."""

    region: str = Field(
        PREDICTED,
        json_schema_extra=LOCAL,
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
        maps = read_maps(output, self.params.activation)
        if self.params.score == "logit" and maps.pixel.normalised:
            raise ModelError(
                f"{output.model} answers probabilities, of which readout pixels knows no logits; "
                "leave out score=logit"
            )
        reading = PixelReading(maps, region, self.params.score)
        notes = (*maps.notes, reading.meaning)
        return replace(reading.describe(), focus=reading.focus, notes=notes)


@dataclass(frozen=True, eq=False)
class PixelReading:
    """How maps are averaged over a region."""

    maps: PixelMaps
    region: PixelRegion
    score: str

    @property
    def unit(self) -> str:
        """Unit of the scores, once they are activated; maps without an activation are of values."""
        if self.maps.pixel.activation == "none" and not self.maps.pixel.normalised:
            return VALUE
        return PROBABILITY if self.score == "probability" else LOGIT

    @property
    def meaning(self) -> str:
        """What a score is, in a sentence."""
        places = {PREDICTED: "where the model finds it", IMAGE: "over the whole image"}
        where = places.get(self.region.kind, f"over {self.region}")
        return f"the score of a class is its mean {self.unit} {where}"

    @property
    def odds(self) -> bool:
        """Whether the scores are log odds of mean probabilities, not plain means."""
        return self.unit == PROBABILITY and not self.maps.pixel.normalised

    def describe(self, weights: Tensor | None = None) -> OutputDescription:
        """The scores over cells of these weights (K, h, w), or (1, h, w) for all classes alike.

        None: over all cells.
        """
        pixel, file = self.maps.pixel, self.region.file
        # A mask by its absolute path, so that the model opens from another folder.
        mask = {} if file is None else {"region": f"{self.region.kind}:{file.resolve()}"}
        return OutputDescription(
            "sigmoid" if self.odds else "none",
            pixel.classes,
            pixel.normalised,
            scores=lambda output: self._scores(output, weights),
            unit=self.unit,
            scale=1.0 if self.odds else TINY,
            params={"activation": pixel.activation, **mask},
            map_channels=self.maps.channels,
        )

    def _scores(self, output: Tensor, weights: Tensor | None) -> Tensor:
        maps = self.maps(output)
        share = None if weights is None else weights.to(maps)
        if self.odds:
            return mean_log_odds(maps, share, self.maps.pixel.activation == "softmax")
        return weighted_mean(maps, share)

    def focus(self, image: RawImage) -> OutputDescription:
        """The scores over the region in one image, as the model answered to it."""
        import torch

        maps = self.maps(image.value)[0].detach().float()
        mask = self.region.mask(image.image.shape[:2])
        seen = on_grid(mask, image.placement, (maps.shape[1], maps.shape[2]))
        if not seen.any():
            raise InputError(
                f"found region {self.region}, which lies outside of what the model sees of the "
                "image; expected a pixel that it sees"
            )
        if self.region.kind == PREDICTED:
            return self._where_predicted(maps, seen, image)
        shown = None if self.region.kind == IMAGE else Region(box_around(mask), mask)
        weights = torch.from_numpy(seen)[None].to(maps.device)
        return replace(self.describe(weights), regions=(shown,) * len(maps))

    def _where_predicted(
        self, maps: Tensor, seen: np.ndarray, image: RawImage
    ) -> OutputDescription:
        """The scores of each class where it is found; over the whole image where it is not."""
        import torch

        classes = self.maps.pixel.classes
        found = np.logical_and(self.maps.winners(maps), seen > 0.5)
        missing = np.logical_not(found.any((1, 2)))
        weights = np.where(missing[:, None, None], seen, found).astype(np.float32)
        named = [name for name, gone in zip(classes, missing, strict=True) if gone]
        return replace(
            self.describe(torch.from_numpy(weights).to(maps.device)),
            regions=tuple(_region(each, image) for each in found),
            order=_by_size(found, classes),
            notes=_nowhere(named),
        )


def _nowhere(classes: list[str]) -> tuple[str, ...]:
    """The note on classes that were not found, if any; of many, the first ones are named."""
    more = f" and {len(classes) - SHOWN} more classes" if len(classes) > SHOWN else ""
    listed = ", ".join(classes[:SHOWN])
    note = f"found nowhere in the image, and scored over all of it: {listed}{more}"
    return (note,) if classes else ()


def _by_size(found: np.ndarray, classes: tuple[str, ...]) -> tuple[int, ...]:
    """The classes from the largest in the image to the smallest; a background is the last."""
    sizes = found.sum((1, 2)).tolist()
    last = [BACKGROUND in name.casefold() or name == opposite(classes[0]) for name in classes]
    return tuple(sorted(range(len(classes)), key=lambda each: (last[each], -sizes[each])))


def _region(cells: np.ndarray, image: RawImage) -> Region | None:
    mask = on_image(cells, image.placement)
    return Region(box_around(mask), mask) if mask.any() else None
