"""What the bridge asks of a model: scores with and without autograd."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from interp.errors import UnsupportedError
from interp.spec import Capability
from interp.target import Target
from interp.testing import ToyModel
from interp.testing.conformance import Narrowed


@pytest.mark.parametrize("training", [False, True])
def test_forward_is_predict_recorded_for_autograd(small: Callable, training: bool) -> None:
    model = small()
    model.module().train(training)
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    leaf = images.clone().requires_grad_()
    with torch.no_grad():  # whatever surrounds it
        scores = model.forward(leaf)
    torch.testing.assert_close(scores.detach(), model.predict(images))
    (slopes,) = torch.autograd.grad(scores[:, 1].sum(), leaf)
    torch.testing.assert_close(slopes, model.gradient(images, [Target(1, "one")]))
    assert model.module().training is training


def test_forward_needs_gradients() -> None:
    with pytest.raises(UnsupportedError, match="GRADIENTS"):
        Narrowed(ToyModel(), frozenset({Capability.PREDICT})).forward(torch.zeros(1, 3, 32, 32))
