"""Rules for every opened model, whatever opened it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from interp.model import ModelAdapter
from interp.network.preprocess import probe_images
from interp.network.scores import sum_to_one
from interp.spec import PROBABILITY, Capability
from interp.target import Target
from interp.testing.entry_case import NothingToMeasure

if TYPE_CHECKING:
    from torch import Tensor

COUNT = 3
"""Images that a model is asked about."""
TOLERANCE = 1e-3
"""Largest difference of answers that should be equal, relative to the largest of them."""


def check_scores(model: ModelAdapter) -> str:
    """Scores of images are finite numbers, one for each class."""
    import torch

    scores, names = _scores(model), model.spec.classes
    assert isinstance(scores, torch.Tensor) and scores.is_floating_point(), f"found {type(scores)}"
    expected = (COUNT, len(names))
    assert tuple(scores.shape) == expected, f"found {tuple(scores.shape)}; expected {expected}"
    assert bool(scores.isfinite().all()), "found NaN or infinity"
    assert not scores.requires_grad, "predict records gradients; only forward does"
    assert len(set(names)) == len(names), "two classes have the same name"
    return f"{len(names)} scores"


def check_device(model: ModelAdapter) -> str:
    """Tensors and scores are on the device that the description names."""
    import torch

    named = torch.device(model.spec.device).type
    for what, found in (("to_device", _images(model)), ("predict", _scores(model))):
        there = found.device.type
        assert there == named, f"{what} gives tensors on {there}, but the description says {named}"
    return named


def check_again(model: ModelAdapter) -> str:
    """The same images have the same scores again."""
    apart = _apart(_scores(model), _scores(model))
    assert apart <= TOLERANCE, f"they differ by {apart:.2g} of the largest"
    return f"they differ by {apart:.1g}"


def check_probabilities(model: ModelAdapter) -> str:
    """What is called a probability lies in [0, 1], sums to 1 under softmax, and is so only once."""
    if model.spec.unit != PROBABILITY:
        raise NothingToMeasure(f"its scores are in {model.spec.unit}")
    scores = _scores(model)
    found = model.probabilities(scores)
    assert bool(((found >= -1e-6) & (found <= 1 + 1e-6)).all()), "found some outside [0, 1]"
    if model.spec.activation == "softmax":
        assert bool(((found.sum(1) - 1).abs() < 1e-3).all()), "the rows do not sum to 1"
        twice = sum_to_one(scores) and _apart(found, scores) > TOLERANCE
        assert not twice, (
            "raw scores sum to 1 already, and softmax is applied to them again; set normalised"
        )
    return f"the highest is {float(found.max()):.2f}"


def check_batch(model: ModelAdapter) -> str:
    """An image's scores do not depend on the images beside it, its place, or how many follow."""
    import torch

    images, scores = _images(model), _scores(model)
    alone = torch.cat([model.predict(images[at : at + 1]) for at in range(COUNT)])
    turned = model.predict(images.flip(0)).flip(0)
    many = model.predict_many(images)
    apart = max(_apart(each, scores) for each in (alone, turned, many))
    assert apart <= TOLERANCE, f"they differ by {apart:.2g} of the largest"
    return f"they differ by {apart:.1g}"


def check_images_kept(model: ModelAdapter) -> None:
    """The images that are given are not written to."""
    images = _images(model)
    before = images.clone()
    model.predict(images)
    assert bool((images == before).all()), "predict changed them"


def check_layers(model: ModelAdapter) -> str:
    """Layers have names of their own, and their outputs are of the shape that is said."""
    layers = model.layers()
    if not layers or Capability.ACTIVATIONS not in model.capabilities:
        raise NothingToMeasure("it shows no layers")
    names = [each.name for each in layers]
    assert len(set(names)) == len(names), "two layers have the same name"
    for each in {layers[0], layers[len(layers) // 2], layers[-1]}:
        found = tuple(model.activations(_images(model), [each.name])[each.name].shape)
        if each.grid is not None:
            wanted = (COUNT, each.channels, *each.grid)
            assert found == wanted, f"{each.name} gives {found}; expected {wanted}"
    return f"{len(layers)} layers"


def check_cut(model: ModelAdapter) -> str:
    """Both halves of a cut model give the scores of the whole one."""
    if Capability.CUT not in model.capabilities:
        raise NothingToMeasure("it cannot be cut")
    if not model.maps():
        raise NothingToMeasure("it has no layer over a grid")
    layer = model.map_layer()
    cut, images = model.cut(layer.name), _images(model)[:1]
    frontier = cut.prefix(images)
    found = cut.suffix(frontier, frontier.activation)
    apart = _apart(found, model.predict(images))
    assert apart <= TOLERANCE, f"at {layer.name} they differ by {apart:.2g} of the largest"
    return f"at {layer.name} they differ by {apart:.1g}"


def check_gradient(model: ModelAdapter) -> str:
    """forward gives predict's scores, and gradient is the slope of what forward records."""
    import torch

    if Capability.GRADIENTS not in model.capabilities:
        raise NothingToMeasure("it offers no gradients")
    images = _images(model)[:1]
    target = Target(0, model.spec.classes[0])
    leaf = images.detach().clone().requires_grad_()
    scores = model.forward(leaf)
    same = _apart(scores.detach(), model.predict(images))
    assert same <= TOLERANCE, f"forward's scores differ by {same:.2g} of the largest"
    recorded = torch.autograd.grad(target.select(scores).sum(), leaf)[0]
    apart = _apart(model.gradient(images, [target]), recorded)
    assert apart <= TOLERANCE, f"slopes differ by {apart:.2g} of the largest"
    return f"slopes differ by {apart:.1g}"


def check_module(model: ModelAdapter) -> None:
    """The module that is handed out is in evaluation mode."""
    if Capability.MODULE not in model.capabilities:
        raise NothingToMeasure("it hands out no module")
    training = [name or "it" for name, each in model.module().named_modules() if each.training]
    assert not training, f"in training mode: {', '.join(training[:3])}"


RULES: tuple[Callable[[ModelAdapter], str | None], ...] = (
    check_scores,
    check_device,
    check_again,
    check_probabilities,
    check_batch,
    check_images_kept,
    check_layers,
    check_cut,
    check_gradient,
    check_module,
)
"""In the order in which they are told."""


def _images(model: ModelAdapter) -> Tensor:
    """Random images (COUNT, C, h, w) in [0, 1] on the model's device."""
    return model.to_device(probe_images(model.spec.input, COUNT).numpy())


def _scores(model: ModelAdapter) -> Tensor:
    return model.predict(_images(model))


def _apart(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest expected value; infinity for other shapes."""
    if found.shape != expected.shape:
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))
