"""The checks that every adapter must pass: functions of a case that raise AssertionError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interp.engine.random import draw_states
from interp.model import ModelAdapter
from interp.network.scores import sum_to_one
from interp.spec import PROBABILITY, Capability
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor

COUNT = 3


@dataclass(frozen=True, eq=False)
class AdapterCase:
    """A model as its adapter opened it; `tolerance` is relative to the largest score."""

    model: ModelAdapter
    tolerance: float = 1e-3

    @cached_property
    def images(self) -> Tensor:
        """Three images of noise, (3, C, h, w) in [0, 1], on the model's device."""
        spec = self.model.spec.input
        shape = (COUNT, spec.channels, *spec.size)
        values = draw_states(1, "adapter", 0, (COUNT, int(np.prod(shape[1:])))).reshape(shape)
        return self.model.to_device(np.asarray(values, np.float32))

    @cached_property
    def scores(self) -> Tensor:
        """The model's raw scores of the images."""
        return self.model.predict(self.images)

    def apart(self, found: Tensor, expected: Tensor) -> float:
        """The largest difference as a share of the largest score."""
        scale = max(1e-9, float(expected.abs().max()))
        return float((found - expected).abs().max()) / scale


AdapterCheck = Callable[[AdapterCase], None]


def adapter_checks() -> list[AdapterCheck]:
    """All checks, for pytest.mark.parametrize."""
    return [each for name, each in globals().items() if name.startswith("check_")]


def check_rows(case: AdapterCase) -> None:
    """Each image has its row of scores, one for each class, and none is NaN or infinite."""
    import torch

    found, expected = case.scores, (COUNT, len(case.model.spec.classes))
    assert isinstance(found, torch.Tensor), f"predict gives {type(found).__name__}, no tensor"
    assert tuple(found.shape) == expected, f"predict gives {tuple(found.shape)}, not {expected}"
    assert found.is_floating_point(), f"scores are {found.dtype}; expected floating-point numbers"
    assert bool(torch.isfinite(found).all()), "scores are NaN or infinite"
    assert not found.requires_grad, "predict records gradients; only forward does"


def check_device(case: AdapterCase) -> None:
    """Tensors and scores are on the device that the description names."""
    import torch

    named = torch.device(case.model.spec.device).type
    for what, found in (("to_device gives", case.images), ("predict gives", case.scores)):
        assert found.device.type == named, f"{what} tensors on {found.device}, not on {named}"


def check_probabilities(case: AdapterCase) -> None:
    """Probabilities lie in [0, 1]; softmax rows sum to one, and softmax is not applied twice."""
    model, scores = case.model, case.scores
    if model.spec.unit != PROBABILITY or model.spec.activation == "none":
        return
    chances = model.probabilities(scores)
    assert bool(((chances >= 0) & (chances <= 1)).all()), "probabilities lie outside of [0, 1]"
    if model.spec.activation != "softmax":
        return
    sums = chances.sum(1)
    off = float((sums - 1).abs().max())
    assert off <= 1e-3, f"rows of probabilities do not sum to 1: {sums.tolist()}"
    twice = sum_to_one(scores) and case.apart(chances, scores) > case.tolerance
    assert not twice, (
        "softmax is applied twice: the raw scores are probabilities already; set normalised = True"
    )


def check_alone_or_together(case: AdapterCase) -> None:
    """An image's scores do not depend on the others in its batch, nor on its place there."""
    import torch

    alone = torch.cat([case.model.predict(each[None]) for each in case.images])
    turned = case.model.predict(case.images.flip(0)).flip(0)
    for what, found in (("on the batch", alone), ("on the place in the batch", turned)):
        assert found.shape == case.scores.shape, f"scores of {tuple(found.shape)} depend {what}"
        apart = case.apart(found, case.scores)
        assert apart <= case.tolerance, f"scores depend {what}: {apart:.2g} of the largest"


def check_again(case: AdapterCase) -> None:
    """The same images have the same scores again."""
    apart = case.apart(case.model.predict(case.images), case.scores)
    assert apart <= case.tolerance, f"scores differ the second time: {apart:.2g} of the largest"


def check_activations(case: AdapterCase) -> None:
    """Each layer's activations are as its description says, with a row for each image."""
    if Capability.ACTIVATIONS not in case.model.capabilities:
        return
    for layer in case.model.layers():
        found = case.model.activations(case.images, [layer.name])[layer.name]
        assert len(found) == COUNT, f"{layer.name}: {len(found)} rows for {COUNT} images"
        if layer.grid is not None:
            expected = (COUNT, layer.channels, *layer.grid)
            assert tuple(found.shape) == expected, f"{layer.name}: {tuple(found.shape)}"


def check_gradient(case: AdapterCase) -> None:
    """Forward gives the scores of predict; the gradient is finite and of the images' shape."""
    import torch

    if Capability.GRADIENTS not in case.model.capabilities:
        return
    apart = case.apart(case.model.forward(case.images).detach(), case.scores)
    assert apart <= case.tolerance, f"forward and predict differ by {apart:.2g} of the largest"
    found = case.model.gradient(case.images, [Target(0, case.model.spec.classes[0])] * COUNT)
    assert found.shape == case.images.shape, f"the gradient is {tuple(found.shape)}"
    assert bool(torch.isfinite(found).all()), "the gradient is NaN or infinite"


def check_module(case: AdapterCase) -> None:
    """The module is handed out in evaluation mode."""
    if Capability.MODULE not in case.model.capabilities:
        return
    training = [name for name, each in case.model.module().named_modules() if each.training]
    assert not training, f"the module is handed out in training mode: {', '.join(training[:3])}"
