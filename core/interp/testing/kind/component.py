"""Checks of the parts of composed methods: perturbations, weightings and solvers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp.engine.component import Experiment
from interp.engine.design import ImageSubject, RegionDesign
from interp.engine.moments import Moments
from interp.testing.entry_case import EntryCase, EntryCheck
from interp.testing.scene import SIZE, scene

if TYPE_CHECKING:
    from torch import Tensor

STATES = 100
WEIGHTS = ((0.3, 0.2, 0.1, 0, 0, 0), (0, 0, 0, 0.1, 0.2, 0.3))
"""What six parts are worth to two targets, where a solver is tried."""
TOLERANCE = 1e-3


def check_anchors(case: EntryCase) -> str:
    """The first state shows the whole image, and scores as it does; the second hides all parts."""
    bound, states = _bound(case)
    assert bool((states[0] == 1).all()), "the first state does not have all parts on"
    assert bool((states[1] == 0).all()), "the second state does not have all parts off"
    found = bound.subject.scores(bound.design.apply(states[:1]))
    expected = case.known.predict(case.known.prepare(scene(0).image)[0][None])
    apart = float((found - expected).abs().max())
    assert apart <= TOLERANCE, f"with all parts on a score differs by {apart:.2g}"
    return f"{bound.design.parts} parts"


def check_states(case: EntryCase) -> None:
    """States become finite features, a row each, and are the same when drawn again."""
    bound, states = _bound(case)
    features = bound.design.features(states)
    assert len(features) == len(states), f"found {len(features)} rows for {len(states)} states"
    assert bool(features.isfinite().all()), "found features that are NaN or infinite"
    again, other = _bound(case)
    assert again.design.key == bound.design.key, "the design's key changes from time to time"
    assert bool((other == states).all()), "drawn again, with the same seed, they differ"


def check_distance(case: EntryCase) -> str | None:
    """The distance of a state from the image is that of the perturbed image."""
    bound, states = _bound(case)
    if not isinstance(bound.subject, ImageSubject):
        return "not of an image"
    some = states[:8]
    shown = bound.design.apply(some).double()
    expected = (shown - bound.subject.pixels.double()).square().flatten(1).sum(1)
    apart = float((bound.design.distance(some) - expected).abs().max())
    assert apart <= TOLERANCE * float(expected.max()), f"they differ by {apart:.2g}"
    return f"they differ by {apart:.1g}"


def check_evidence(case: EntryCase) -> str:
    """Importance becomes evidence, and its maps are of the image's size."""
    bound, states = _bound(case)
    count = bound.design.features(states).shape[1]
    values = np.linspace(0, 1, count)
    found = case.made.to_evidence(bound, values, None, {"target": "red", "unit": "probability"})
    assert found, "found no evidence"
    for each in found:
        each.check()
        placed = each.map()
        expected = scene(0).image.shape[:2]
        fits = placed is None or placed.shape == expected
        assert fits, f"{each.name} is a map of {placed.shape}; expected {expected}"
    return ", ".join(each.kind for each in found)


def check_weights(case: EntryCase) -> str:
    """Weights are finite and not negative, one for each sample, or for each sample and target."""
    design = _grid()
    states = design.draw(0)
    scores = states.double().mean(1, keepdim=True).repeat(1, 2)
    found = case.made.weigh(design, states, scores)
    fits = tuple(found.shape) in ((len(states),), tuple(scores.shape))
    assert fits, f"found {tuple(found.shape)}; expected ({len(states)},) or {tuple(scores.shape)}"
    assert bool(found.isfinite().all()), "found NaN or infinity"
    assert bool((found >= 0).all()) and float(found.sum()) > 0, "found negative ones, or all 0"
    return f"from {float(found.min()):.2g} to {float(found.max()):.2g}"


def check_order(case: EntryCase) -> str:
    """Of scores that are sums, the parts are put in their order, for each target."""
    found = _solved(case, slice(None)).numpy()  # (2, 6)
    assert found.shape == (2, 6), f"found weights {found.shape}; expected (2, 6)"
    assert np.isfinite(found).all(), "found NaN or infinity"
    orders = [list(np.argsort(-each)[:3]) for each in found]
    assert orders == [[0, 1, 2], [5, 4, 3]], f"the most important parts are {orders}"
    return f"{', '.join(f'{each:.2f}' for each in found[0, :3])} for .30, .20, .10"


def check_targets(case: EntryCase) -> None:
    """A target's weights do not depend on the other targets."""
    both = _solved(case, slice(None))
    for at in range(2):
        apart = float((_solved(case, slice(at, at + 1))[0] - both[at]).abs().max())
        assert apart <= 1e-6, f"solved alone, a weight differs by {apart:.2g}"


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "perturbation": (check_anchors, check_states, check_distance, check_evidence),
    "weighting": (check_weights,),
    "solver": (check_order, check_targets),
}


def _bound(case: EntryCase) -> tuple[Experiment, Tensor]:
    """The perturbation on the first scene, and its first states."""
    found = case.made.bind(case.known, scene(0).image, STATES, case.context(3))
    return found, found.design.draw(0)


def _grid() -> RegionDesign:
    """Six equal parts of a grey image."""
    import torch

    labels = np.tile(np.arange(SIZE) * 6 // SIZE, (SIZE, 1))
    return RegionDesign(torch.full((3, SIZE, SIZE), 0.5), labels, torch.zeros(3))


def _solved(case: EntryCase, targets: slice) -> Tensor:
    """The solver's weights (T, 6) for sums of what the parts are worth."""
    import torch

    design, moments = _grid(), Moments("check")
    worth = torch.tensor(WEIGHTS, dtype=torch.float64)[targets]
    for chunk in range(4):
        states = design.draw(chunk)
        scores = 0.1 + states.double() @ worth.T
        weights = torch.ones(len(states), dtype=torch.float64)
        moments.add(chunk, states, scores, weights, case.made.second_order)
    found: Tensor = case.made.solve(moments).weights
    return found
