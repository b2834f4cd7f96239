"""CSG as a method: the common checks, maps by hand, switching, survey, the gates' measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.registered import registered

from interp.context import Context
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.target import Target
from interp.testing import MethodCase, method_checks
from interp.training.curve import training_curves
from interp_csg.knowledge import CsgKnowledge
from interp_csg.method import Csg
from interp_csg.params import CsgParams
from interp_csg.survey import LOGGED
from interp_csg.switching import confusion, losses, shares, switched

METRICS = registered("metric", "interp_csg")

GREEN = Target(1, "green")


@pytest.fixture
def trained(learned: Knowledge) -> ModelAdapter:
    assert learned.made is not None
    return learned.made


@pytest.fixture
def known(learned: Knowledge) -> CsgKnowledge:
    return CsgKnowledge.read(learned)


def planted(gates: np.ndarray, weight: np.ndarray) -> CsgKnowledge:
    """Knowledge of these gates and head, of features that are one filter each."""
    classes, filters = gates.shape
    features = np.eye(filters, dtype=np.float32)
    names = tuple(f"class {c}" for c in range(classes))
    return CsgKnowledge(
        "maps", gates, weight, np.zeros(classes), features, weight.argmax(0), names, []
    )


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_is_a_good_method(
    check: Callable[[MethodCase], None], learned: Knowledge, trained: ModelAdapter, tmp_path: Path
) -> None:
    replace(learned, made=None).save(tmp_path / "known")
    registry = Registry.load()
    check(MethodCase("csg", registry, trained, knowledge=str(tmp_path / "known")))


def test_the_map_is_the_head_s_over_own_filters(
    learned: Knowledge, trained: ModelAdapter, known: CsgKnowledge, colours: Any
) -> None:
    image = colours()[0].image  # blue, so that filters speak against green, too
    gates = np.array([[1.0] * 6, [0.89, 1, 0.9, 0.95, 0, 1], [1] * 6], np.float32)
    learned = replace(learned, arrays={**learned.arrays, "gates": gates})
    found = Csg(CsgParams(own=0.9)).explain(trained, [image], [GREEN], learned, Context())
    pixels, placement = trained.prepare(image)
    maps = trained.activations(pixels[None], ["last"])["last"][0].numpy()
    cells = {name: np.zeros(maps.shape[1:], np.float32) for name in ("class", "all")}
    for k in range(6):
        cells["all"] += known.weight[1, k] * maps[k]
        if gates[1, k] >= np.float32(0.9):
            cells["class"] += known.weight[1, k] * maps[k]
    field = trained.layer("last").field
    for name, values in cells.items():
        expected = placement.to_image(placement.grid_to_input(values, field))
        np.testing.assert_allclose(found.named(f"{name} filters").values, expected, atol=1e-5)
    assert found.named("own filters").filters
    contributions = found.named("contributions").values
    scores = trained.predict(pixels[None])[0].numpy()
    assert contributions.sum() + known.bias[1] == pytest.approx(scores[1], abs=1e-4)


def test_a_difference_of_classes(learned: Knowledge, trained: ModelAdapter, colours: Any) -> None:
    image = colours()[1].image
    target = Target(1, "green, not red", 2)
    red = Target(2, "red")
    found = Csg(CsgParams()).explain(trained, [image], [GREEN, red, target], learned, Context())
    one, other, both = (
        found.named("all filters", each.name).values for each in (GREEN, red, target)
    )
    np.testing.assert_allclose(both, one - other, atol=1e-5)


def test_a_class_without_filters_says_so(
    learned: Knowledge, trained: ModelAdapter, colours: Any
) -> None:
    gates = learned.arrays["gates"].copy()
    gates[1] *= 0.1
    poor = replace(learned, arrays={**learned.arrays, "gates": gates})
    found = Csg(CsgParams()).explain(trained, [colours()[1].image], [GREEN], poor, Context())
    assert found.notes == ("green: no filter belongs to it: no gate of it reaches 0.5",)
    assert not found.named("class filters").values.any()
    assert not found.of("part_maps")


def test_scores_without_filters_are_the_model_s_with_maps_at_zero(
    trained: ModelAdapter, known: CsgKnowledge, colours: Any
) -> None:
    pixels, _ = trained.prepare(colours()[2].image)
    cut = trained.cut("last")
    frontier = cut.prefix(pixels[None])
    off, gates = np.array([1, 4]), np.ones((1, 6), np.float32)
    gates[0, off] = 0
    expected = cut.gates(frontier)(trained.to_device(gates))[0].numpy()
    features = frontier.activation.mean((2, 3)).numpy()
    np.testing.assert_allclose(known.scores(features, off)[0], expected, atol=1e-4)
    kept = trained.predict(pixels[None])[0].numpy()
    np.testing.assert_allclose(known.scores(features)[0], kept, atol=1e-4)


def test_confusion_by_hand() -> None:
    scores = np.array([[3.0, 1, 0], [0, 2, 1], [5, 0, 0], [0, 0, 1]])
    counts = confusion(scores, np.array([0, 0, 1, 1]))
    assert counts.tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
    assert shares(counts)[0].tolist() == [0.5, 0.5, 0] and shares(counts)[2].tolist() == [0, 0, 0]


def test_switching_takes_the_class_and_no_other() -> None:
    gates = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], float)
    known = planted(gates, gates - 0.1 * (1 - gates))
    before, after = switched(known, known.features, known.labels, known.filters(1, 0.5))
    assert before.tolist() == np.eye(3).tolist()
    assert after[1, 1] == 0 and after[0, 0] == after[2, 2] == 1
    found = losses(known, known.features, known.labels, 0.5)
    assert found == [(2, 1.0, 1.0, 0.0), (2, 1.0, 0.0, 0.0), (2, 1.0, 0.0, 0.0)]


def test_filters_are_grouped_by_class_the_exclusive_first() -> None:
    known = planted(np.array([[0.2, 1, 1, 0], [1, 0.9, 0, 1]]), np.ones((2, 4)))
    assert known.grouped().tolist() == [2, 1, 3, 0]
    assert known.filters(0, 0.5).tolist() == [1, 2] and known.filters(1, 0.95).tolist() == [0, 3]


def test_survey(learned: Knowledge, trained: ModelAdapter, colours: Any) -> None:
    found = Csg(CsgParams()).survey(trained, colours(30), learned, Context())
    for each in found.evidence:
        each.check()
    names = [each.name for each in found.evidence]
    assert names[:3] == ["training", "measures", "gates"]
    curve = found.evidence[0]
    assert curve.series == ["accuracy", "density", "mis"]  # type: ignore[attr-defined]
    numbers = dict(found.named("measures").rows)
    assert numbers["accuracy"] == 1.0 and numbers["interval of the density"] == "0.3333 to 0.4"


def test_the_log_is_drawn_where_mis_was_not_measured(known: CsgKnowledge) -> None:
    bare = [{key: row[key] for key in ("epoch", "accuracy")} for row in known.log]
    (curve,) = training_curves(bare, "share", LOGGED)
    assert curve.series == ["accuracy"]


def test_measures_of_the_gates(
    learned: Knowledge, trained: ModelAdapter, colours: Any, tmp_path: Path
) -> None:
    replace(learned, made=None).save(tmp_path / "B")
    opened = trained
    before, opened.spec = (
        opened.spec,
        opened.spec.model_copy(update={"source": str(tmp_path / "B")}),
    )
    try:
        for name, said in (("gate-density", {}), ("class-correlation", {"of": "gates"})):
            kind = METRICS[name]
            value = kind(kind.Params(**said)).measure(opened, colours(), Context()).value
            gates = learned.arrays["gates"]
            unit = gates / np.linalg.norm(gates, axis=1, keepdims=True)
            pairs = [unit[a] @ unit[b] for a in range(3) for b in range(3) if a != b]
            expected = gates.mean() if name == "gate-density" else np.mean(pairs)
            assert value == pytest.approx(float(expected), rel=1e-5)
    finally:
        opened.spec = before


def test_knowledge_of_another_model_is_refused(
    learned: Knowledge, make: Callable[..., ModelAdapter], colours: Any
) -> None:
    with pytest.raises(InputError, match="learned of another model"):
        Csg(CsgParams()).explain(make(7), [colours()[0].image], [GREEN], learned, Context())
