"""Base of the methods that read attention: one pass, a map for each target, views beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.evidence import Evidence, Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.network.attention import AttentionPass
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_attention.tokens import Tokens, check_layers, find_tokens
from interp_attention.view import gallery, layer_index

if TYPE_CHECKING:
    from torch import Tensor

READS = frozenset({Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT})
"""Needs of a method that reads attention."""
SLOPES = READS | {Capability.GRADIENTS}
"""Needs of a method that also differentiates the score by it."""


class AttentionParams(Params):
    """Parameters of every method here."""

    views: Literal["none", "layers", "heads"] = Field(
        "none",
        description="pictures beside the map: none, one for each layer, or one for each head of "
        "one layer",
    )
    view_layer: str | None = Field(
        None, description="with views=heads: name of the attention layer; default: the last one"
    )


@dataclass(frozen=True)
class AttentionMethod(PerImageMethod):
    """A method made of one matrix (heads, T, T) of terms for each attention layer.

    Row i of a head's terms holds how much each of T tokens gives to token i. Subclasses say what
    the terms are, and how they add up over heads and layers.
    """

    unit = "attention"
    classless = False
    """Whether the map is the same for every class."""

    params: Any

    @abstractmethod
    def run(self, model: ModelAdapter, pixels: Tensor) -> AttentionPass:
        """One pass of the model on an image (1, 3, h, w)."""

    @abstractmethod
    def terms(self, model: ModelAdapter, found: AttentionPass, target: Target) -> list[Tensor]:
        """The terms (heads, T, T) of each layer, in order, for a target."""

    @abstractmethod
    def combine(self, terms: Sequence[Tensor], read: Tensor) -> Tensor:
        """Importance (T,) of the tokens; `read` (T,) is each token's share in the scores."""

    def shown(self, term: Tensor, read: Tensor) -> Tensor:
        """What each head of a layer gives to the tokens that are read, (heads, T), for views."""
        return read @ term

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """A map for each target, and the views asked for."""
        pixels, placement = model.prepare(image)
        found = self.run(model, pixels[None])
        tokens = find_tokens(model, check_layers(found.layers, model.spec.name), pixels[None])
        names = [each.name for each in found.layers]
        evidence: list[Evidence] = []
        for at, target in enumerate(targets, 1):
            context.out_of_time()
            terms = self.terms(model, found, target)
            context.progress("targets", at, len(targets))
            values = _placed(self.combine(terms, tokens.read), tokens, placement)
            evidence.append(
                Heatmap(name="map", target=target.name, values=values, signed=False, unit=self.unit)
            )
            for title, maps in self._views(names, terms, tokens):
                tiles = [_placed(each, tokens, placement) for each in maps.values()]
                evidence.append(gallery(title, target.name, list(maps), tiles, image, context))
        return Explanation(tuple(evidence), notes=self._notes(len(names), tokens))

    def _views(
        self, names: list[str], terms: Sequence[Tensor], tokens: Tokens
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Title of the gallery asked for, and the tokens' values (T,) by caption."""
        if self.params.views == "layers":
            rows = [self.shown(each, tokens.read).mean(0) for each in terms]
            yield "layers", dict(zip(names, rows, strict=True))
        elif self.params.views == "heads":
            at = layer_index(names, self.params.view_layer)
            heads = self.shown(terms[at], tokens.read)
            yield f"heads of {names[at]}", {f"head {n}": each for n, each in enumerate(heads)}

    def _notes(self, layers: int, tokens: Tokens) -> tuple[str, ...]:
        told = f"attention of {layers} layers, read from {tokens.describe()}"
        same = "the map is the same for every class: attention itself does not see the class asked"
        return (told, same) if self.classless else (told,)


def _placed(values: Tensor, tokens: Tokens, placement: Placement) -> np.ndarray:
    """Values of the tokens (T,) as a map (H, W) over the original image."""
    field = tokens.layer.field
    return placement.to_image(placement.grid_to_input(tokens.grid(values), field))
