"""The last layers that CSG needs: maps, their mean over cells, one linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.preprocess import probe_images
from interp.spec import Capability
from interp.training.recording import recording

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = {"fp32": 1e-4, "fp16": 4e-3, "bf16": 2e-2}
"""Largest difference of the linear layer's input and the maps' means, relative to the largest."""


@dataclass(frozen=True)
class Ending:
    """Names of the maps' layer and of the linear layer; numbers of filters and classes."""

    layer: str
    linear: str
    filters: int
    classes: int


def find_ending(model: ModelAdapter, layer: str | None = None) -> Ending:
    """The ending of a model, checked on random images; UnsupportedError where it has none."""
    if Capability.MODULE not in model.capabilities:
        raise model.lacks(Capability.MODULE, "training with class-specific gates")
    linear, inputs = _last_linear(model)
    maps = {each.name: each.channels for each in model.maps()}
    if layer is not None:
        model.layer(layer)  # the error for a wrong name lists the nearest ones
    names = [layer] if layer else [name for name in maps if maps[name] == inputs.shape[1]]
    for name in reversed(names):
        if name in maps and _is_mean(model, name, inputs):
            return Ending(name, linear, inputs.shape[1], len(model.spec.classes))
    found = f"{layer} is not" if layer else "no layer's maps are"
    raise UnsupportedError(
        f"{model.spec.name} does not end as CSG needs: looked for maps whose mean over all cells "
        f"enters the last linear layer; {linear} takes {inputs.shape[1]} numbers, and {found} that"
    )


def weights_of(model: ModelAdapter, linear: str) -> tuple[Tensor, Tensor]:
    """The linear layer's weight (C, K) and bias (C,), 0 where it has none."""
    part = model.module().get_submodule(linear)
    weight: Tensor = part.weight  # type: ignore[assignment]
    bias = part.bias
    return weight.detach(), weight.new_zeros(len(weight)) if bias is None else bias.detach()  # type: ignore[operator]


def _last_linear(model: ModelAdapter) -> tuple[str, Tensor]:
    """The linear layer with an output for each class, and its input (2, K) on random images."""
    images = probe_images(model.spec.input)
    for each in reversed(model.layers()):
        if each.kind == "Linear" and each.channels == len(model.spec.classes):
            with recording({each.name: model.module().get_submodule(each.name)}) as calls:
                model.predict(images)
            inputs = [call.inputs[0] for call in calls[each.name]]
            if len(inputs) == 1 and inputs[0].dim() == 2:
                return each.name, inputs[0]
    raise UnsupportedError(
        f"{model.spec.name} does not end as CSG needs: looked for a linear layer with an output "
        f"for each of {len(model.spec.classes)} classes after global pooling, and found none"
    )


def _is_mean(model: ModelAdapter, layer: str, inputs: Tensor) -> bool:
    maps = model.activations(probe_images(model.spec.input), [layer])[layer]
    if maps.dim() != 4 or maps.shape[:2] != inputs.shape:
        return False
    apart = (maps.float().mean((2, 3)) - inputs.float()).abs().max()
    allowed = TOLERANCE[model.spec.precision]
    return bool(apart <= allowed * inputs.float().abs().max().clamp(min=1e-12))
