"""Concepts of one image switched up and down: masks, decoded to activations, to scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from interp.context import Context, no_progress
from interp.cut import Cut, Frontier, Gates, Output
from interp.engine.design import Design, Subject
from interp.engine.random import content_key
from interp.engine.respond import respond
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp_concept.factorization import encode
from interp_concept.sobol import draw_masks

SETS = 8
"""Independent sets of masks, from which standard errors are taken."""


@dataclass(frozen=True, eq=False)
class EncodedImage(Subject):
    """An image's activation at the cut as coefficients of a bank's concepts, cell by cell.

    Perturbed are masks (B, R) of its concepts; only what follows the layer is run.
    """

    model: ModelAdapter
    cut: Cut
    frontier: Frontier
    bank: Tensor = field(repr=False)
    """Directions (R, C)."""

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        return content_key(self.frontier.key, self.bank.cpu().numpy())

    @property
    def place(self) -> str:  # type: ignore[override]
        return f"concepts of {self.cut.layer.name}"

    @property
    def nbytes(self) -> int:
        return self._decoding.nbytes

    def scores(self, perturbed: Tensor) -> Tensor:
        return self._decoding(perturbed)

    @property
    def maps(self) -> Tensor:
        """The activation (C, h, w), float64."""
        return self.frontier.activation[0].double()

    @cached_property
    def coefficients(self) -> Tensor:
        """U of every cell, (R, h, w) float64."""
        cells = self.maps.flatten(1).T  # (hw, C)
        found = encode(cells, self.bank)
        return found.T.reshape(-1, *self.maps.shape[1:])

    @cached_property
    def parts(self) -> Tensor:
        """What each concept contributes to the activation, (R, C, h, w) float32."""
        whole = self.coefficients[:, None] * self.bank.to(self.maps)[..., None, None]
        return whole.float()

    @cached_property
    def _decoding(self) -> Gates:
        """The scores of activations with each concept's coefficients times its mask."""
        return self.cut.mixing(self.frontier, self.parts)

    @property
    def r2(self) -> float:
        """Centred R^2 of the activation that all concepts together give."""
        rest = self.maps - self._decoded[0]
        spread = self.maps - self.maps.mean((1, 2), keepdim=True)
        return 1 - float(rest.square().sum() / spread.square().sum().clamp(min=1e-30))

    @property
    def same_answer(self) -> bool:
        """Whether the model's best class is the same of the decoded activation."""
        own, decoded = (
            self.cut.suffix(self.frontier, each)
            for each in (self.frontier.activation, self._decoded)
        )
        return int(own[0].argmax()) == int(decoded[0].argmax())

    @cached_property
    def _decoded(self) -> Tensor:
        """The activation of all concepts together, (1, C, h, w)."""
        return self.parts.sum(0, keepdim=True)


@dataclass(frozen=True, eq=False)
class MaskSet(Design):
    """One set of masks of an image's concepts, (B, R) in [0, 1]."""

    image: EncodedImage
    states: Tensor
    chunk = 128

    @property
    def parts(self) -> int:  # type: ignore[override]
        return self.states.shape[1]

    @property
    def size(self) -> int:  # type: ignore[override]
        return len(self.states)

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.states.device

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        return content_key(self.states.cpu().numpy())

    def draw(self, chunk: int) -> Tensor:
        return self.states[chunk * self.chunk :][: self.chunk]

    def apply(self, states: Tensor) -> Tensor:
        return states

    def distance(self, states: Tensor) -> Tensor:
        return (1 - states).square().sum(1).double()

    def paint(self, weights: np.ndarray) -> np.ndarray:
        raise UnsupportedError("a concept's place is its map of coefficients; show Concepts")


def masked_scores(
    image: EncodedImage, masks: int, random: bool, output: Output, context: Context
) -> Tensor:
    """Scores (S, n (R + 2), K) of S sets of masks, at most `masks` together.

    Fewer sets where the time budget ends, but two or more.
    """
    count = len(image.bank)
    rows = max(2, masks // (SETS * (count + 2)))
    unlimited = context.budget.model_copy(update={"seconds": None})
    quiet = replace(context, budget=unlimited, progress=no_progress)
    found: list[Tensor] = []
    for number in range(SETS):
        if context.out_of_time() and number >= 2:
            break
        states = draw_masks(count, rows, context.seed, number, random).to(image.parts.device)
        answers = respond(quiet, image, MaskSet(image, states), output, len(states))
        found.append(torch.cat([each.scores for each in answers]))
    return torch.stack(found)
