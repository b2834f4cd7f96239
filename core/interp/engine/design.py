"""Subjects of an experiment, and designs: the states of their parts that are tried on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.cut import Cut, Frontier, Gates
from interp.engine.random import KeepProbability, content_key, draw_states
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.network.placement import Placement

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CHUNK = 100
"""States drawn together. Another size gives other states for the same seed."""


class Subject(ABC):
    """What is perturbed, an image or a layer's channels, and how the model answers to it."""

    model: ModelAdapter
    key: str
    """Content key: subjects with equal keys get equal answers."""
    place: str = "image"
    """What is perturbed, in words. Batch sizes are measured for each place of a model."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that one perturbed subject takes on its way into the model."""

    @abstractmethod
    def scores(self, perturbed: Tensor) -> Tensor:
        """Raw class scores (B, K) of perturbed subjects (B, ...)."""


@dataclass(frozen=True, eq=False)
class ImageSubject(Subject):
    """An image at the model's input size, (3, h, w) RGB in [0, 1], or (C, h, w)."""

    model: ModelAdapter
    pixels: Tensor
    placement: Placement

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        spec = self.model.spec
        pixels = self.pixels.cpu().numpy()
        return content_key(spec.fingerprint, spec.precision, spec.input, pixels, *spec.reading)

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes

    def scores(self, perturbed: Tensor) -> Tensor:
        return self.model.predict_many(perturbed)


@dataclass(frozen=True, eq=False)
class GateSubject(Subject):
    """A layer's channels of one image; perturbed are their gates (B, C): 1 open, 0 closed.

    Only what follows the layer is run.
    """

    model: ModelAdapter
    cut: Cut
    frontier: Frontier

    @property
    def key(self) -> str:  # type: ignore[override]
        return self.frontier.key

    @property
    def place(self) -> str:  # type: ignore[override]
        return f"gates of {self.cut.layer.name}"

    @property
    def nbytes(self) -> int:
        return self._gates.nbytes

    def scores(self, perturbed: Tensor) -> Tensor:
        return self._gates(perturbed)

    @cached_property
    def _gates(self) -> Gates:
        return self.cut.gates(self.frontier)


class Design(ABC):
    """The states that are tried on a subject, chunk by chunk, and what they mean.

    A state holds one number in [0, 1] per part: 1 where the part is on, 0 where it is off.
    """

    parts: int
    size: int | None = None
    """How many states there are; None where they are sampled without end."""
    chunk: int = CHUNK
    key: str
    """Content key of the states, and of the subject where the states depend on it."""
    device: torch.device

    @abstractmethod
    def draw(self, chunk: int) -> Tensor:
        """The chunk's states (B, P) uint8 on the subject's device.

        Chunk 0 begins with the two anchors: all parts on, all parts off.
        """

    @abstractmethod
    def apply(self, states: Tensor) -> Tensor:
        """Perturbed subjects (B, ...) for states (B, P)."""

    @abstractmethod
    def distance(self, states: Tensor) -> Tensor:
        """||original - perturbed||^2 for states (B, P), (B,), without making the perturbed ones."""

    @abstractmethod
    def paint(self, weights: np.ndarray) -> np.ndarray:
        """A value per feature (Q,) as a map (h, w) over the model's input."""

    def features(self, states: Tensor) -> Tensor:
        """What the scores are explained by, (B, Q) in [0, 1]: by default the states themselves."""
        return states

    def proposal(self, states: Tensor) -> Tensor:
        """The probability that each state is drawn, up to a factor, (B,); by default all alike."""
        return states.new_ones(len(states)).double()


class SampledDesign(Design):
    """Independent on/off states: each part is on with probability `keep`."""

    seed: int
    stream: str
    keep: KeepProbability = 0.5

    def draw(self, chunk: int) -> Tensor:
        import torch

        states = draw_states(
            self.seed, f"{self.stream}/{self.key}", chunk, (self.chunk, self.parts), self.keep
        )
        if chunk == 0:
            states[0], states[1] = 1, 0
        return torch.from_numpy(states).to(self.device)


class SingleDesign(Design):
    """One state per part, after the two anchors: that part alone off, or alone on if `shown`."""

    shown: ClassVar[bool] = False

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.parts + 2

    def draw(self, chunk: int) -> Tensor:
        import torch

        row = torch.arange(self.size, device=self.device)[chunk * self.chunk :][: self.chunk, None]
        alone = torch.arange(self.parts, device=self.device) == row - 2
        on = alone if self.shown else ~alone
        return ((on | (row == 0)) & (row != 1)).to(torch.uint8)


class MaskDesign(Design):
    """An image covered by masks: a mask of 1 shows the pixel, one of 0 the fill in its place.

    pixels (3, h, w) RGB in [0, 1], or (C, h, w); fill (C,), or an image (C, h, w).
    """

    pixels: Tensor
    fill: Tensor

    @abstractmethod
    def masks(self, states: Tensor) -> Tensor:
        """How much of each pixel a state shows, (B, h, w) float32 in [0, 1]."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.pixels.device

    @property
    def cover(self) -> Tensor:
        """The fill as an image, (C, 1, 1) or (C, h, w)."""
        return self.fill.reshape(-1, 1, 1) if self.fill.ndim == 1 else self.fill

    @property
    def difference(self) -> Tensor:
        """||pixel - fill||^2 of each pixel, (h, w) float64."""
        return (self.pixels - self.cover).square().sum(0).double()

    def apply(self, states: Tensor) -> Tensor:
        share = self.masks(states).to(self.pixels.dtype).unsqueeze(1)  # (B, 1, h, w)
        return self.cover.lerp(self.pixels, share)  # exact at 0 and at 1

    def distance(self, states: Tensor) -> Tensor:
        hidden = (1 - self.masks(states).double()).square()
        return (hidden * self.difference).sum((1, 2))


def fill_bands(fill: Tensor, pixels: Tensor, bands: Sequence[int] | None) -> Tensor:
    """The fill (C,) or (C, h, w) in some channels, from 1, beside the pixels (C, h, w) of others.

    Where none is named it is the fill as it is. Raises InputError for channels that there are not.
    """
    if not bands:
        return fill
    if not all(1 <= each <= len(pixels) for each in bands):
        raise InputError(
            f"found bands {', '.join(map(str, bands))}; expected some of the image's, 1 to "
            f"{len(pixels)}"
        )
    kept = pixels.clone()
    chosen = [each - 1 for each in bands]
    whole = fill.reshape(-1, 1, 1).expand_as(pixels) if fill.ndim == 1 else fill
    kept[chosen] = whole[chosen]
    return kept


@dataclass(frozen=True, eq=False)
class RegionDesign(MaskDesign, SampledDesign):
    """Disjoint regions of an image, switched off by putting the fill in their place.

    pixels (C, h, w) in [0, 1]; labels (h, w) int in 0..P-1; fill (C,) or (C, h, w).
    """

    pixels: Tensor
    labels: np.ndarray
    fill: Tensor
    seed: int = 0
    stream: str = "regions"
    keep: float = 0.5

    @cached_property
    def parts(self) -> int:  # type: ignore[override]
        return int(self.labels.max()) + 1

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        arrays = self.pixels.cpu().numpy(), self.labels.astype(np.int32), self.fill.cpu().numpy()
        return content_key(*arrays, *self.law)

    @property
    def law(self) -> tuple[object, ...]:
        """What the states depend on besides the regions, for the key."""
        return self.seed, self.stream, self.keep

    @cached_property
    def _labels(self) -> Tensor:
        import torch

        return torch.from_numpy(self.labels.astype(np.int64)).to(self.device)  # (h, w)

    @cached_property
    def energy(self) -> Tensor:
        """||region - fill||^2 of each region, (P,) float64."""
        zeros = self.difference.new_zeros(self.parts)
        return zeros.index_add(0, self._labels.flatten(), self.difference.flatten())

    def masks(self, states: Tensor) -> Tensor:
        return states.to(self.pixels.dtype)[:, self._labels]

    def distance(self, states: Tensor) -> Tensor:
        return (1 - states.double()).square() @ self.energy

    def paint(self, weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights)[self.labels]


@dataclass(frozen=True, eq=False)
class ListedRegions(RegionDesign):
    """Regions with a finite list of states (N, P), 0 or 1, tried after the two anchors."""

    states: np.ndarray = field(kw_only=True)

    @property
    def size(self) -> int:  # type: ignore[override]
        return len(self.states) + 2

    @property
    def law(self) -> tuple[object, ...]:
        return (self.states,)

    def draw(self, chunk: int) -> Tensor:
        import torch

        rows = slice(max(chunk * self.chunk - 2, 0), (chunk + 1) * self.chunk - 2)
        drawn = self.states[rows].astype(np.uint8)
        if chunk == 0:
            drawn = np.concatenate([np.ones_like(drawn[:1]), np.zeros_like(drawn[:1]), drawn])
        return torch.from_numpy(drawn).to(self.device)
