"""Checks of metrics: of explanations, on a scene whose truth is known, and of models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from interp.dataset import Example, Instance, Part
from interp.errors import InputError, UnsupportedError
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.metric import ExplanationMetric, Measurement, MetricCase
from interp.model import ModelAdapter
from interp.target import Target
from interp.testing.conformance import unchanged
from interp.testing.entry_case import EntryCase, EntryCheck, NothingToMeasure
from interp.testing.scene import scene
from interp.testing.toy_models import CLASSES, Scenes

TARGET = Target(0, CLASSES[0])


def check_parameters(case: EntryCase) -> str:
    """Each parameter has a default and a description."""
    fields = case.subject.Params.model_fields
    for name, info in fields.items():
        assert not info.is_required(), f"parameter {name} has no default"
        assert info.description, f"parameter {name} has no description"
    return f"{len(fields)} parameters"


def check_number(case: EntryCase) -> str:
    """The value is one finite number, for a map of slopes and for one of noise."""
    said = []
    for word, values in _maps(case.known).items():
        found = _measured(case, values)
        assert isinstance(found, int | float | np.number), f"found {found!r}; expected a number"
        assert math.isfinite(found), f"found {found} for a map of {word}"
        said.append(f"{float(found):.3g} for a map of {word}")
    return ", ".join(said)


def check_again(case: EntryCase) -> None:
    """The same map gives the same value, and is not written to."""
    values = _maps(case.known)["slopes"]
    kept = values.copy()
    first, second = _measured(case, values), _measured(case, values)
    assert np.array_equal(values, kept), "the map was written to"
    same = np.isclose(first, second, rtol=1e-4, atol=1e-6, equal_nan=True)
    assert same, f"{first}, then {second}"


def check_model_kept(case: EntryCase) -> None:
    """The model is left as it was: weights, hooks, gradients and training flags."""
    fresh = replace(case)  # with a network that no other check has used
    with unchanged(fresh.known):
        _measured(fresh, _maps(fresh.known)["slopes"])


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "metric": (check_parameters, check_number, check_again, check_model_kept)
}


def _measured(case: EntryCase, values: np.ndarray) -> float:
    if isinstance(case.made, ExplanationMetric):
        return _of_map(case, values)
    return _of_model(case)


def _of_map(case: EntryCase, values: np.ndarray) -> float:
    """The metric's value for a map of the first scene; of several settings the mean."""
    metric: ExplanationMetric = case.made
    example = known_example()
    if metric.needs - case.known.capabilities or not metric.applies(example, TARGET):
        raise NothingToMeasure("it does not apply to a network and image of squares")
    found = metric.measure(
        MetricCase(
            explanation=_explained(values, TARGET),
            model=case.known,
            target=TARGET,
            example=example,
            context=case.context(),
            again=_again(example),
            kept={},
        )
    )
    return float(np.mean(found))


def _of_model(case: EntryCase) -> float:
    """The metric's value for the known network; it may ask for another kind of network."""
    try:
        found = case.made.measure(case.known, Scenes(case.known, 16), case.context())
    except (InputError, UnsupportedError) as error:
        raise NothingToMeasure(str(error)) from error
    assert isinstance(found, Measurement), f"found {found!r}; expected an interp Measurement"
    low, high = (found.value if each is None else each for each in (found.low, found.high))
    assert low <= found.value <= high, f"{found.value} is not between {low} and {high}"
    return found.value


def known_example() -> Example:
    """The first scene, with the red square as the object of the first class."""
    made = scene(0)
    mask = made.masks["red"]
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    centre = (float(columns.mean()), float(rows.mean()))
    instance = Instance(0, tuple(map(float, box)), mask, (Part("square", centre, mask, True),))  # type: ignore[arg-type]
    return Example("scene 0", made.image, 0, (instance,))


def _maps(model: ModelAdapter) -> dict[str, np.ndarray]:
    """A map (H, W) that says something, and one that does not."""
    image = scene(0).image
    noise = np.random.default_rng(0).random(image.shape[:2], np.float32)
    return {"slopes": _slopes(model, image, TARGET), "noise": noise}


def _slopes(model: ModelAdapter, image: np.ndarray, target: Target) -> np.ndarray:
    """|d score / d pixel|, summed over the colours and smoothed by the mapping, (H, W)."""
    pixels, placement = model.prepare(image)
    slope = model.gradient(pixels[None], [target])[0].abs().sum(0)
    return placement.to_image(slope.cpu().numpy())


def _explained(values: np.ndarray, target: Target) -> Explanation:
    return Explanation((Heatmap(name="map", target=target.name, image=0, values=values),))


def _again(example: Example) -> Callable[..., Explanation]:
    """The map of slopes again, of another model, image or target."""

    def again(
        seed: int,  # noqa: ARG001 - slopes are the same with any
        model: ModelAdapter,
        image: np.ndarray | None = None,
        target: Target | None = None,
    ) -> Explanation:
        shown = example.image if image is None else image
        wanted = target or TARGET
        return _explained(_slopes(model, shown, wanted), wanted)

    return again
