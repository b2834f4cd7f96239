"""TCAV finds which planted direction decides a class, on images, parts and classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from interp.context import Budget, Context
from interp.errors import InputError
from interp.evidence import Concepts, Matrix, Table
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.target import Target
from interp_concept.slopes import channel_slopes
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.method import Tcav
from interp_concept.tcav.params import TcavParams

PARAMS = TcavParams(layer="act", permutations=499)
ANT, BEE = Target(0, "ant"), Target(1, "bee")


def fitted(model: ModelAdapter, data: Any, **changes: Any) -> Knowledge:
    return Tcav(PARAMS.model_copy(update=changes)).fit(model, data, Context())


@pytest.fixture
def known(model: ModelAdapter, shown: Any) -> Knowledge:
    return fitted(model, shown(120))


def table(found: Any, name: str = "sensitivity") -> dict[str, list[Any]]:
    """The rows of a table by their first text columns."""
    evidence = found.named(name)
    assert isinstance(evidence, Table)
    return {
        " ".join(each for each in row[:-1] if isinstance(each, str)): row for row in evidence.rows
    }


def test_concepts_are_read_and_told_apart(known: Knowledge, directions: np.ndarray) -> None:
    assert known.about["concepts"] == ["blue", "green", "red"]
    facts = known.about["layers"]["act"]
    assert facts["images"] == 90 and facts["counter-examples"] == 30
    assert min(known.about["accuracy"]) > 0.95 and not known.about["notes"]


@pytest.mark.parametrize("output", ["logit", "prob"])
def test_slopes_are_the_derivatives_of_raised_channels(
    model: ModelAdapter, draw: Callable[..., np.ndarray], output: Any
) -> None:
    """Against differences of the scores, channel by channel; of the logit they are the head."""
    cut = model.cut("act")
    frontier = cut.prefix(model.prepare(draw(1, ("red",)))[0][None])
    found = channel_slopes(cut, frontier, [ANT, BEE], output, Context())
    head = model.module().head.weight.detach().numpy()
    np.testing.assert_allclose(found, head.T, rtol=1e-4)
    for channel in range(8):
        raised = frontier.activation.clone()
        raised[:, channel] += 0.5
        scores = [model.probabilities(cut.suffix(frontier, each), output)[0].numpy()
                  for each in (raised, frontier.activation)]  # fmt: skip
        slow = (scores[0] - scores[1]) / 0.5
        np.testing.assert_allclose(found[channel], slow, rtol=1e-3, atol=1e-3)


def test_a_class_is_sensitive_to_its_own_concept_alone(
    model: ModelAdapter, known: Knowledge, both: Any
) -> None:
    found = Tcav(PARAMS).survey(model, both(24), known, Context())
    rows = table(found)
    for own, name in (("red", "ant"), ("green", "bee")):
        score, p, corrected, verdict = (rows[f"{name} {own}"][at] for at in (2, 6, 7, 8))
        assert score == 1 and p == 1 / 500 and corrected == 3 / 500 and verdict == "yes"
        assert rows[f"{name} blue"][8] == "no"
    scores = found.named("TCAV scores")
    assert isinstance(scores, Matrix) and scores.values.shape == (2, 3)
    assert found.named("mean derivatives").values[0].argmax() == 2
    assert len(found.of("gallery")) == 1


def test_an_image_shows_where_concepts_are_and_which_matter(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    image = draw(40, ("red", "blue"))
    found = Tcav(PARAMS).explain(model, [image], [ANT, BEE], known, Context())
    for target, own in (("ant", "red"), ("bee", "green")):
        concepts = found.named("concepts", target)
        assert isinstance(concepts, Concepts)
        assert concepts.names[int(concepts.importance.argmax())] == own
    concepts = found.named("concepts", "ant")
    for name, channel in (("red", 0), ("blue", 2)):
        values = concepts.maps[concepts.names.index(name)]
        inside = image[..., channel] > image.sum(2) - image[..., channel]
        assert inside.flat[values.argmax()]
        assert values[inside].mean() > 0 > values[~inside].mean()
    rows = table(found)
    assert rows["red"][-1] == "yes" and rows["green"][-1] == rows["blue"][-1] == "no"  # for ant


def test_maps_are_projections_from_half_way(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    image = draw(40, ("red", "blue"))
    learned = TcavKnowledge.find(model, known, PARAMS)
    cav = learned.cavs[2]
    pixels, placement = model.prepare(image)
    maps = model.activations(pixels[None], ["act"])["act"][0].numpy()
    slow = np.zeros((6, 6), np.float32)
    for y in range(6):
        for x in range(6):
            step = cav.direction @ cav.direction
            middle = (cav.inside.mean(0) + cav.outside.mean(0)) / 2
            slow[y, x] = (maps[:, y, x] - middle) @ cav.direction / step
    expected = placement.to_image(placement.grid_to_input(slow, model.layer("act").field))
    found = Tcav(PARAMS).explain(model, [image], [ANT], known, Context()).named("concepts")
    np.testing.assert_allclose(found.maps[found.names.index("red")], expected, atol=1e-4)


@pytest.mark.parametrize("pieces", ["cells", "crops"])
def test_parts_of_objects_are_concepts(model: ModelAdapter, parts: Any, pieces: str) -> None:
    known = fitted(model, parts(60), source="parts", pieces=pieces, counter="others")
    learned = TcavKnowledge.find(model, known, PARAMS.model_copy(update={"counter": "others"}))
    assert learned.concepts == ("blue", "green", "red")
    assert min(known.about["accuracy"]) > 0.9
    assert known.about["layers"]["act"]["counter-examples"] == 0
    each = fitted(model, parts(60), source="parts", each_class=True)
    assert each.about["concepts"] == ["ant blue", "ant red", "bee blue", "bee green"]
    assert each.about["layers"]["act"]["counter-examples"] == 50


def test_correction_and_statistic_are_choices(
    model: ModelAdapter, known: Knowledge, both: Any
) -> None:
    plain = Tcav(PARAMS.model_copy(update={"correction": "none"}))
    row = table(plain.survey(model, both(8), known, Context()))["ant red"]
    assert row[6] == row[7] == 1 / 500
    score = Tcav(PARAMS.model_copy(update={"statistic": "score"}))
    row = table(score.survey(model, both(8), known, Context()))["ant red"]
    assert row[2] == 1 and row[6] == 1  # one linear layer: the score of any direction is 0 or 1


def test_an_exported_network_says_the_same(
    model: ModelAdapter, exported: ModelAdapter, shown: Any, both: Any
) -> None:
    exported.spec = exported.spec.model_copy(update={"classes": model.spec.classes})
    layer = exported.map_layer().name
    params = PARAMS.model_copy(update={"layer": layer})
    found = [
        Tcav(chosen).survey(each, both(8), Tcav(chosen).fit(each, shown(60), Context()), Context())
        for each, chosen in ((model, PARAMS), (exported, params))
    ]
    for name in ("TCAV scores", "mean derivatives"):
        first, second = (each.named(name).values for each in found)
        assert np.abs(first - second).max() <= 1e-3 * np.abs(first).max()


@pytest.mark.parametrize(
    ("names", "labels", "message"),
    [
        ((), (), "without classes"),
        (("red", "green", "blue", "random"), (0,) * 8, "found 1 concepts"),
        (("red", "green", "blue", "random"), (3,) * 8, "found 0 concepts"),
    ],
)
def test_data_that_show_no_concepts(
    model: ModelAdapter, shown: Any, names: tuple[str, ...], labels: tuple[int, ...], message: str
) -> None:
    data = shown(8, names=names or ("red", "green", "blue", "random"), labels=labels)
    if not names:
        from interp.dataset import ImageArrays

        data = ImageArrays([np.zeros((24, 24, 3), np.uint8)] * 4, list("abcd"))
    with pytest.raises(InputError, match=message):
        fitted(model, data)


def test_other_slips(model: ModelAdapter, shown: Any, both: Any) -> None:
    with pytest.raises(InputError, match="leave out --shard"):
        Tcav(PARAMS).fit(model, shown(12), Context(budget=Budget(shard=(0, 2))))
    with pytest.raises(InputError, match="interp fit --plugin tcav"):
        Tcav(PARAMS).survey(model, both(4), None, Context())
    known = fitted(model, shown(120, labels=(0, 3) * 60))
    others = PARAMS.model_copy(update={"counter": "others"})
    with pytest.raises(InputError, match="leave out --counter others"):
        Tcav(others).survey(model, both(4), known, Context())


def test_few_images_are_left_out_and_told(model: ModelAdapter, shown: Any) -> None:
    labels = (0, 1, 3, 0, 1, 3, 2, 0, 1, 3)
    known = fitted(model, shown(10, labels=labels))
    assert known.about["concepts"] == ["green", "red"]
    assert any("fewer than 2 images: blue" in note for note in known.about["notes"])
