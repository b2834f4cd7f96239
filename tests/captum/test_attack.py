"""Captum's attacks: against their formulas, within their bounds, and the model left as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from interp.context import Context
from interp.errors import PluginError, RegistryError, UnsupportedError
from interp.method import Attack
from interp.model import ModelAdapter
from interp.registry import Registry

EPS = 0.05


@pytest.fixture
def model(small: Callable[[], ModelAdapter]) -> ModelAdapter:
    return small()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


LABELS = torch.tensor([0, 1, 2, 0])


def made(registry: Registry, name: str) -> Attack:
    attack: Attack = Context(lookup=registry.get).lookup("attack", name)()
    return attack


def slope(model: ModelAdapter, images: torch.Tensor) -> torch.Tensor:
    pixels = images.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model.forward(pixels), LABELS, reduction="sum")
    return torch.autograd.grad(loss, pixels)[0]


def slow(model: ModelAdapter, images: torch.Tensor, size: float, steps: int) -> torch.Tensor:
    """x <- the nearest in the cube of EPS around the image, and in [0, 1], of x + size sign."""
    found = images
    for _ in range(steps):
        found = found + size * slope(model, found).sign()
        found = torch.minimum(torch.maximum(found, images - EPS), images + EPS).clamp(0, 1)
    return found


@pytest.mark.parametrize(("name", "size", "steps"), [("fgsm", EPS, 1), ("pgd", EPS * 5 / 6, 3)])
def test_against_a_slow_second_writing(
    registry: Registry,
    model: ModelAdapter,
    images: torch.Tensor,
    name: str,
    size: float,
    steps: int,
) -> None:
    found = made(registry, name).perturb(model, images, LABELS, EPS, steps)
    wrong = (found - slow(model, images, size, steps)).abs() > 1e-5
    assert wrong.float().mean() < 0.02  # where a slope is nearly 0, rounding decides its sign
    assert (slope(model, images).abs() > 1e-6).float().mean() > 0.9


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_images_that_the_network_is_sure_of_are_moved_too(
    registry: Registry, model: ModelAdapter, images: torch.Tensor, name: str
) -> None:
    """Their slopes are tiny, but point somewhere."""
    head = model.module().head[1]
    with torch.no_grad():
        head.bias.add_(torch.tensor([20.0, 0, 0]))
    sure = torch.zeros(4, dtype=torch.long)
    found = made(registry, name).perturb(model, images, sure, EPS, 3)
    assert (found - images).abs().amax((1, 2, 3)).min() > 0.9 * EPS


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_stays_near_and_raises_the_loss(
    registry: Registry, model: ModelAdapter, images: torch.Tensor, name: str
) -> None:
    before = images.clone()
    found = made(registry, name).perturb(model, images, LABELS, EPS, 8)
    assert torch.equal(images, before) and not found.requires_grad
    assert (found - images).abs().max() <= EPS + 1e-6
    assert found.min() >= 0 and found.max() <= 1
    losses = [
        float(torch.nn.functional.cross_entropy(model.predict(each), LABELS))
        for each in (images, found)
    ]
    assert losses[1] > losses[0]
    assert all(each.grad is None for each in model.module().parameters())


def test_unknown_names_and_runs_without_a_registry(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="unknown attack 'pdg'; did you mean 'pgd'"):
        made(registry, "pdg")
    with pytest.raises(UnsupportedError, match="this context has no registry"):
        Context().lookup("attack", "pgd")


def test_without_captum(
    registry: Registry,
    model: ModelAdapter,
    images: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "captum.robust", None)
    with pytest.raises(PluginError, match=r"pip install 'interp\[captum\]'"):
        made(registry, "fgsm").perturb(model, images, LABELS, EPS, 1)
