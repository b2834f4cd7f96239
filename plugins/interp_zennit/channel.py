"""CRP: the relevance that passes through chosen channels of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.errors import InputError
from interp.evidence import ChannelImportance, Evidence, Heatmap, PartMaps
from interp.explanation import Explanation, join
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.network.layout import to_maps
from interp.network.placement import Placement
from interp.spec import Layer
from interp.target import Target
from interp_zennit.method import HOOKS, RelevanceParams, conservation, over_colours

if TYPE_CHECKING:
    from torch import Tensor

    from interp_zennit.propagate import Propagation

MOST = 64
"""Most channels with a map of their own."""


class ChannelParams(RelevanceParams):
    """Parameters of the relevance of channels."""

    layer: str | None = Field(
        None, description="layer whose channels are chosen; default: the last one with a grid"
    )
    channels: tuple[int, ...] = Field(
        (), description="channels of the layer, from 0; default: the most relevant ones"
    )
    count: int = Field(
        4, ge=1, le=MOST, description="number of most relevant channels, where none are named"
    )


@dataclass(frozen=True)
class ChannelRelevance(PerImageMethod):
    """Where in the image a layer's channels found what they give to the score.

    Relevance is propagated from the class to the layer, set to zero in all channels but one, and
    propagated on to the pixels by the same rules: `R(x | class, channel)`. A channel's importance
    is the relevance that it receives. The map shows the chosen channels together; each has one of
    its own beside it. R. Achtibat et al.: From attribution maps to human-understandable
    explanations through Concept Relevance Propagation, Nature Machine Intelligence 2023. Zennit
    propagates.
    """

    Params = ChannelParams
    needs = HOOKS

    params: ChannelParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """Importance of the channels, and the maps of the chosen ones."""
        from interp_zennit.propagate import propagating

        layer = model.map_layer(self.params.layer)
        for each in self.params.channels:
            if not 0 <= each < layer.channels:
                raise InputError(
                    f"channel {each} is out of range; {layer.name} has {layer.channels}, from 0"
                )
        pixels, placement = model.prepare(image)
        rules, parts = self.params.rules(model), []
        with propagating(model, pixels[None], rules, layer.name) as pass_back:
            for target in targets:
                context.out_of_time()
                parts.append(self._explain(pass_back, target, layer, placement, context))
        return join(parts)

    def _explain(
        self,
        pass_back: Propagation,
        target: Target,
        layer: Layer,
        placement: Placement,
        context: Context,
    ) -> Explanation:
        output = pass_back.layers[layer.name]
        whole, received = pass_back.relevance(target, pass_back.input, output)
        importance = to_maps(layer, received)[0].sum((1, 2))  # (C,)
        chosen = list(self.params.channels) or _strongest(importance, self.params.count)
        maps = []
        for at, channel in enumerate(chosen, 1):
            context.out_of_time()
            part = only(received, layer, channel)
            maps.append(placement.to_image(over_colours(pass_back.onward(output, part))))
            context.progress(f"{target.name}: channels", at, len(chosen))
        evidence = _evidence(np.stack(maps), chosen, importance, layer, target)
        return Explanation(evidence, **conservation(whole, pass_back, target))


def _strongest(importance: Tensor, count: int) -> list[int]:
    """The channels with the largest relevance, largest first."""
    found: list[int] = importance.topk(min(count, len(importance))).indices.tolist()
    return found


def only(relevance: Tensor, layer: Layer, channel: int) -> Tensor:
    """A layer's relevance (1, ...) with that of all other channels set to zero."""
    import torch

    axis = {"NCHW": 1, "NHWC": 3, "tokens": 2}[layer.layout]
    kept = torch.zeros_like(relevance)
    place = [slice(None)] * relevance.dim()
    place[axis] = slice(channel, channel + 1)
    kept[tuple(place)] = relevance[tuple(place)]
    return kept


def _evidence(
    maps: np.ndarray, chosen: list[int], importance: Tensor, layer: Layer, target: Target
) -> tuple[Evidence, ...]:
    """The chosen channels' map together, all channels' importance, and each chosen one's map."""
    peaks = [np.unravel_index(each.argmax(), each.shape) for each in maps]
    about: dict[str, Any] = {"target": target.name, "layer": layer.name}
    together = Heatmap(name="map", values=maps.sum(0), unit="relevance", **about)
    received = ChannelImportance(name="channels", values=importance.float().cpu().numpy(), **about)
    alone = PartMaps(
        name="channel maps", maps=maps, peaks=np.array(peaks, np.int64), filters=chosen, **about
    )
    return together, received, alone
