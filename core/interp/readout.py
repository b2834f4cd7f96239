"""Readouts: how a model's raw output becomes scores (N, K) with names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from interp.errors import ModelError
from interp.lazy_type import Tensor
from interp.network.outputs import find_scores
from interp.network.placement import Placement, prepare
from interp.network.preprocess import wide_images
from interp.network.scores import TINY, check_scores, within_one
from interp.params import Params
from interp.spec import InputSpec, ModelOptions
from interp.storage.model_card import ModelCard, name_classes

Activation = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True, eq=False)
class Region:
    """The part of an image that a score is about: box (x0, y0, x1, y1) in pixels of the original.

    mask (H, W) bool, where the part is known more closely.
    """

    box: tuple[float, float, float, float]
    mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class RawImage:
    """An original image (H, W, 3) uint8, and what a model answered to it as a batch of one."""

    value: Any
    image: np.ndarray
    placement: Placement
    """Where the model's input lies in the image."""


@dataclass(frozen=True, eq=False)
class RawOutput:
    """What a model answered to two probe images, and what is known of its meaning.

    `value` is a tensor (2, ...) float32, or tensors in lists, dictionaries or dataclasses as the
    model answers them; of a file with several outputs, a dictionary by their names.

    Options count more than the `card` beside the model's `file`, and that more than what is
    `known` of the model itself.
    """

    model: str
    """The model's name, for messages."""
    value: Any
    options: ModelOptions = field(default_factory=ModelOptions)
    card: ModelCard = field(default_factory=ModelCard)
    known: ModelCard = field(default_factory=ModelCard)
    file: Path | None = None
    input: InputSpec = field(default_factory=InputSpec)
    run: Callable[[Tensor], Any] | None = None
    """Asks the model for its raw output on images (N, 3, h, w); None where that is not possible."""
    lookup: Callable[[str, str], Any] | None = None
    """lookup(kind, name) finds what is registered, such as a sample; None without a registry."""

    def answer(self, image: np.ndarray) -> RawImage:
        """The model's answer to an original image, (H, W, 3) uint8 RGB. Raises ModelError."""
        import torch

        if self.run is None:
            raise ModelError(f"{self.model} cannot be asked about an image while it is opened")
        pixels, placement = prepare(image, self.input)
        return RawImage(self.run(torch.from_numpy(pixels)[None]), image, placement)

    def scores(self) -> Tensor:
        """The output as scores (2, K) float32. Raises ModelError for any other output."""
        return check_scores(self.value, self.model)

    @property
    def activation(self) -> Activation | None:
        """The activation that somebody states; None where nobody does."""
        return self.options.activation or self.card.activation or self.known.activation

    def names(
        self, count: int, also: tuple[int, ...] = (), word: str = "class"
    ) -> tuple[tuple[str, ...], list[str]]:
        """Names of `count` outputs, or of as many as `also` allows, and notes; see name_classes."""
        listed = self.known.classes if isinstance(self.known.classes, tuple) else None
        return name_classes(count, listed, self.file, self.card, self.options, also, word)

    def bounded(self) -> bool:
        """Whether all that the model answers lies in [0, 1], as far as asking it tells."""
        if not within_one(self.scores()):
            return False
        if self.run is None:
            return True
        try:
            return within_one(self.run(wide_images(self.input)))
        except Exception:  # the model's own code, on images that it was not made for
            return True


def as_they_are(output: Tensor) -> Tensor:
    """Scores that are the model's raw output already."""
    return output


@dataclass(frozen=True, eq=False)
class OutputDescription:
    """Meaning of a model's output, with notes on what was assumed."""

    activation: Activation
    classes: tuple[str, ...]
    """Names of the scores."""
    normalised: bool = False
    """Whether the scores are probabilities already."""
    notes: list[str] | tuple[str, ...] = ()
    scores: Callable[[Tensor], Tensor] = as_they_are
    """Scores (N, K) of the raw output; differentiable where the model is."""
    unit: str = "probability"
    """Unit of the scores, once they are activated."""
    readout: str = "classes"
    """The registered name of the readout."""
    params: dict[str, Any] = field(default_factory=dict)
    """The readout's parameters that are not the defaults."""
    black_box: bool = False
    """Whether gradients and cuts say nothing of these scores, so that none are offered."""
    focus: Callable[[RawImage], OutputDescription] | None = None
    """How the output is read for versions of one image, of what the model answered to it; None
    where all images are read alike."""
    regions: tuple[Region | None, ...] = ()
    """Where in the image each score belongs, in a description for one image."""
    order: tuple[int, ...] = ()
    """The scores in the order in which a prediction lists them; the first is explained where no
    target is named. Empty: the highest first."""
    scale: float = TINY
    """Size of the raw scores below which differences are rounding, as 1 for cosines."""
    map_channels: int = 0
    """Channels of a raw output that is itself a map over the image; 0 where it is none."""


@dataclass(frozen=True)
class Readout(ABC):
    """Turns a model's raw output into scores (N, K) with names; registered as kind `readout`.

    It is asked once, when a model is opened, and again for each image where its description says
    so. Methods see its scores only, so that any method explains any output that some readout
    understands.
    """

    Params: ClassVar[type[Params]] = Params
    """The class of its parameters."""
    reads_scores: ClassVar[bool] = False
    """Whether it reads a tensor of scores (N, K), which adapters then look for in the answer."""

    params: Any

    def part(self, answer: object, count: int) -> tuple[str, ...] | None:
        """Where in a model's structured answer to `count` images the tensor is that it reads.

        The path as `interp.network.outputs.parts` names it; None: it reads the whole answer.
        """
        return find_scores(answer, count) if self.reads_scores else None

    @abstractmethod
    def read(self, output: RawOutput) -> OutputDescription:
        """How to read this model's output. Raises ModelError for an output of another kind."""
