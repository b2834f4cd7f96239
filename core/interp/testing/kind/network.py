"""Checks of what changes networks and their images: builders and attacks."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from interp.errors import InterpError
from interp.model import ModelAdapter
from interp.network.preprocess import encode, probe_images
from interp.opening.source import open_model
from interp.request import DEFAULT_MODEL
from interp.spec import ModelOptions
from interp.testing.conformance import unchanged
from interp.testing.entry_case import EntryCase, EntryCheck, NothingToMeasure
from interp.testing.scene import scene

if TYPE_CHECKING:
    from torch import Tensor, nn

EPS, STEPS = 8 / 255, 3
"""How far an attack may move a pixel, and in how many steps."""
CPU = ModelOptions(device="cpu")


def check_builds(case: EntryCase) -> str:
    """A network is made of another one, and answers scores (N, K)."""
    from torch import nn

    base = _base(case)
    network = _built(case, base)
    assert isinstance(network, nn.Module), f"found {type(network).__name__}; expected a Module"
    scores = network(_pixels(base))
    assert scores.ndim == 2 and bool(scores.isfinite().all()), "its scores are not finite (N, K)"
    return f"scores {tuple(scores.shape)}"


def check_builds_again(case: EntryCase) -> str:
    """Built again of the same network and parameters, it takes the same weights."""
    base = _base(case)
    first, second = _built(case, base).state_dict(), _built(case, base).state_dict()
    shapes = [{name: each.shape for name, each in built.items()} for built in (first, second)]
    assert shapes[0] == shapes[1], "the second time its weights have other names or shapes"
    return f"{len(first)} tensors"


def check_saved(case: EntryCase) -> str:
    """Saved as a model and opened again, it gives the same scores."""
    base = _base(case)
    made = base.adopt(_built(case, base).eval(), case.name, dict(case.params))
    images = probe_images(base.spec.input, 2)
    with TemporaryDirectory() as folder:
        made.write_model(Path(folder))
        again = open_model(folder, CPU, case.registry)
        apart = float((made.predict(images) - again.predict(images)).abs().max())
    assert apart <= 1e-4, f"a score differs by {apart:.2g}"
    return f"scores differ by {apart:.1g}"


def check_bounds(case: EntryCase) -> str:
    """No pixel moves by more than eps, or leaves [0, 1], and some do move."""
    images = _images(case.known)
    moved = _moved(case, images.clone())
    assert moved.shape == images.shape, f"found {tuple(moved.shape)}; the images' is expected"
    assert bool(((moved >= 0) & (moved <= 1)).all()), "a pixel leaves [0, 1]"
    most = float((moved - images).abs().max())
    assert 0 < most <= EPS + 1e-5, f"pixels move by up to {most:.4f}; eps is {EPS:.4f}"
    return f"pixels move by up to {most:.4f}"


def check_attack_kept(case: EntryCase) -> None:
    """The images that are given are not written to, and the model is left as it was."""
    fresh = replace(case)  # with a network that no other check has used
    images = _images(fresh.known)
    before = images.clone()
    with unchanged(fresh.known):
        _moved(fresh, images)
    assert bool((images == before).all()), "the images were written to"


def check_attack_again(case: EntryCase) -> None:
    """The same images are moved in the same way each time."""
    first, second = (_moved(case, _images(case.known)) for _ in range(2))
    assert bool((first - second).abs().max() <= 1e-6), "the second time they move otherwise"


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "builder": (check_builds, check_builds_again, check_saved),
    "attack": (check_bounds, check_attack_kept, check_attack_again),
}


def _base(case: EntryCase) -> ModelAdapter:
    return open_model(DEFAULT_MODEL, CPU, case.registry)


def _built(case: EntryCase, base: ModelAdapter) -> nn.Module:
    """The builder's network; what it refuses for want of parameters is nothing to check."""
    try:
        network: nn.Module = case.subject(copy.deepcopy(base.module()), dict(case.params))
    except InterpError as error:
        raise NothingToMeasure(f"it wants parameters: {error}") from error
    return network


def _pixels(model: ModelAdapter) -> Tensor:
    return encode(probe_images(model.spec.input, 2), model.spec.input)


def _images(model: ModelAdapter) -> Tensor:
    """Three scenes as the model's input."""
    import torch

    return torch.stack([model.prepare(scene(seed).image)[0] for seed in range(3)])


def _moved(case: EntryCase, images: Tensor) -> Tensor:
    """What the attack makes of images, whose classes are those that the model sees."""
    labels = case.known.predict(images).argmax(1)
    moved: Tensor = case.subject().perturb(case.known, images, labels, EPS, STEPS)
    return moved
