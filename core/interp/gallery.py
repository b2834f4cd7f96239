"""Optimised pictures of channels in the surveys of other methods, by a method found by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from interp.context import Context
from interp.dataset import Dataset
from interp.explanation import Explanation, join
from interp.method import Method
from interp.model import ModelAdapter

Pictures = Literal["examples", "dream", "maco"]
"""What a survey shows of channels: images of the data alone, or optimised pictures beside them."""
PICTURES = (
    "examples: images of the data alone; dream or maco: pictures too that were optimised to excite "
    "the channels, by that method (needs gradients)"
)
"""Description of a parameter of this type."""


def channel_pictures(
    pictures: Pictures,
    model: ModelAdapter,
    dataset: Dataset,
    channels: Mapping[str, Sequence[int]],
    context: Context,
) -> Explanation:
    """What the method called `pictures` shows of these channels, by layer; nothing for examples.

    The method's parameters must have `of`, `layer` and `channels`. Raises UnsupportedError where
    the model offers less than the method needs.
    """
    found = [Explanation(())]
    if pictures == "examples":
        return found[0]
    kind: type[Method] = context.lookup("method", pictures)
    for need in sorted(kind.needs - model.capabilities):
        raise model.lacks(need, f"pictures {pictures}")
    for layer, listed in channels.items():
        chosen = tuple(int(each) for each in listed)
        if chosen:
            asked = {"of": "channels", "layer": layer, "channels": chosen}
            method = kind(kind.Params.model_validate(asked))
            within = context.within(f"pictures of {layer}")
            found.append(method.survey(model, dataset, None, within))
    return join(found)
