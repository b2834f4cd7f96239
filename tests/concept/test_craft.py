"""CRAFT finds the directions that are planted, weighs and places them rightly, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.errors import Cancelled, InputError
from interp.evidence import Concepts, Gallery, Matrix
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.target import Target
from interp_concept.craft.knowledge import CraftKnowledge
from interp_concept.craft.method import Craft
from interp_concept.craft.params import CraftParams
from interp_concept.decoding import EncodedImage, MaskSet, masked_scores

PARAMS = CraftParams(layer="act", concepts=3, images=12)
ANT, BEE = Target(0, "ant"), Target(1, "bee")


def explained(
    model: ModelAdapter, known: Knowledge, image: np.ndarray, *targets: Target, **changes: Any
) -> Explanation:
    params = PARAMS.model_copy(update=changes)
    return Craft(params).explain(model, [image], targets or (ANT,), known, Context())


@pytest.fixture
def known(model: ModelAdapter, both: Any) -> Knowledge:
    return Craft(PARAMS).fit(model, both(24), Context())


@pytest.mark.parametrize("pieces", ["cells", "crops"])
@pytest.mark.parametrize("design", ["sobol", "random"])
def test_the_direction_that_decides_is_found_and_comes_first(
    model: ModelAdapter, both: Any, directions: np.ndarray, pieces: Any, design: Any
) -> None:
    params = PARAMS.model_copy(update={"pieces": pieces, "design": design, "crop": 0.5})
    found = CraftKnowledge.read(Craft(params).fit(model, both(24), Context()))
    assert found.names == {0: "ant", 1: "bee"}
    for label, concepts in found.classes.items():
        own = directions[label] / np.linalg.norm(directions[label])
        assert concepts.bank[0] @ own > 0.98
        assert concepts.importance[0] > 0.9 and concepts.importance[1:].max() < 0.1
        assert concepts.about["same_answer"] == 1


def test_importance_on_an_image_is_that_of_the_planted_concept(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    image = draw(77, ("red", "blue"))
    found = explained(model, known, image)
    concepts = found.named("concepts")
    assert isinstance(concepts, Concepts)
    assert concepts.names[0] == "concept 0" and concepts.importance[0] > 0.9
    assert concepts.standard_error is not None and (concepts.standard_error >= 0).all()
    red = (image[..., 0] > 150) & (image[..., 2] < 150)
    assert red.flat[concepts.maps[0].argmax()] and red.flat[found.map().argmax()]
    assert found.samples == 8 * (1000 // 40) * 5
    assert found.scores["ant"]["same answer"] is True and not found.notes


def test_maps_are_coefficients_of_non_negative_least_squares(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    from scipy.optimize import nnls

    image = draw(5, ("red", "blue"))
    found = explained(model, known, image).named("concepts")
    pixels, placement = model.prepare(image)
    cells = model.activations(pixels[None], ["act"])["act"][0].numpy()
    bank = CraftKnowledge.read(known).classes[0].bank
    for name, values in zip(found.names, found.maps, strict=True):
        at = int(name.split()[1])
        slow = [[nnls(bank.T, cells[:, y, x])[0][at] for x in range(6)] for y in range(6)]
        grid = placement.grid_to_input(np.array(slow, np.float32), model.layer("act").field)
        np.testing.assert_allclose(values, placement.to_image(grid), atol=1e-3)


def test_scores_of_masks_are_those_of_decoded_activations(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    """Against a loop over masks, concepts and cells."""
    cut = model.cut("act")
    bank = torch.from_numpy(CraftKnowledge.read(known).classes[0].bank)
    pixels, _ = model.prepare(draw(9, ("red", "green")))
    image = EncodedImage(model, cut, cut.prefix(pixels[None]), bank)
    scores = masked_scores(image, 100, False, "logit", Context())
    assert scores.shape == (8, 2 * 5, 2)
    states = MaskSet(image, torch.rand(5, 3, generator=torch.Generator().manual_seed(0))).states
    for row, answer in zip(states, image.scores(states), strict=True):
        slow = torch.zeros(8, 6, 6)
        for k, mask in enumerate(row):
            slow += mask * image.coefficients[k].float() * bank[k][:, None, None]
        expected = model.module().head(slow.mean((1, 2)))
        torch.testing.assert_close(answer, expected, rtol=1e-4, atol=1e-3)


def test_a_difference_of_classes_takes_the_first_ones_concepts(
    model: ModelAdapter, known: Knowledge, draw: Callable[..., np.ndarray]
) -> None:
    found = explained(model, known, draw(3, ("red", "blue")), Target(0, "ant, not bee", 1))
    assert found.named("importance").values[0] > 0.9


def test_pictures_are_of_the_pieces_with_the_concept(known: Knowledge) -> None:
    for label, channel in ((0, 0), (1, 1)):
        tiles = CraftKnowledge.read(known).classes[label].tiles[0]  # (E, s, s, 3)
        assert tiles.shape[0] == 4 and tiles.dtype == np.uint8
        middle = tiles[:, 16:32, 16:32].mean((1, 2))
        assert (middle.argmax(1) == channel).all()


def test_classes_are_surveyed(model: ModelAdapter, known: Knowledge, both: Any) -> None:
    found = Craft(PARAMS).survey(model, both(4), known, Context())
    matrix = found.named("importance of each class's concepts")
    assert isinstance(matrix, Matrix) and matrix.rows == ["ant", "bee"]
    assert (matrix.values.argmax(1) == 0).all()
    galleries = found.of("gallery")
    assert len(galleries) == 2 and isinstance(galleries[0], Gallery)
    assert galleries[0].captions[0].startswith("ant 0: 0.9") or "1.0" in galleries[0].captions[0]
    params = PARAMS.model_copy(update={"of_class": ("bee",)})
    only = Craft(params).survey(model, both(4), known, Context())
    assert len(only.of("gallery")) == 1


def test_labels_may_say_which_images_are_a_classs(model: ModelAdapter, both: Any) -> None:
    params = PARAMS.model_copy(update={"by": "label", "of_class": ("bee",)})
    labels = tuple(at % 2 for at in range(24))
    found = Craft(params).fit(model, both(24, labels=labels), Context())
    assert list(found.about["classes"]) == ["1"] and not found.about["notes"]


def test_a_class_that_was_not_learned_is_named(
    model: ModelAdapter, both: Any, draw: Callable[..., np.ndarray]
) -> None:
    params = PARAMS.model_copy(update={"of_class": ("bee",)})
    known = Craft(params).fit(model, both(24), Context())
    with pytest.raises(InputError, match="no concepts of ant were learned, only of bee"):
        explained(model, known, draw(0, ("red",)))
    with pytest.raises(InputError, match="unknown target 'wasp'"):
        Craft(PARAMS.model_copy(update={"of_class": ("wasp",)})).fit(model, both(4), Context())


def test_nothing_was_learned_of_this_model(
    model: ModelAdapter, draw: Callable[..., np.ndarray]
) -> None:
    with pytest.raises(InputError, match="interp fit --plugin craft"):
        Craft(PARAMS).explain(model, [draw(0, ("red",))], [ANT], None, Context())


def test_poor_concepts_are_told(model: ModelAdapter, parts: Any) -> None:
    """Of an image whose colour is in no concept, the answer changes."""
    params = PARAMS.model_copy(update={"of_class": ("bee",)})
    known = Craft(params).fit(model, parts(24), Context())
    assert any("fewer than 3 directions" in note for note in known.about["notes"])
    image = np.full((24, 24, 3), (240, 20, 20), np.uint8)
    image[:8, :8] = (20, 240, 20)
    found = Craft(params).explain(model, [image], [BEE], known, Context())
    assert any("answers another class" in note for note in found.notes)


def test_a_score_that_stays_the_same_is_told(model: ModelAdapter, known: Knowledge) -> None:
    image = np.full((24, 24, 3), 90, np.uint8)  # grey: no colour, no concept
    found = explained(model, known, image)
    assert not found.named("importance").values.any()
    assert any("stays the same" in note for note in found.notes)


def test_time_ends_a_fit_with_what_is_whole(model: ModelAdapter, both: Any) -> None:
    context = Context(budget=Budget(seconds=1e-9))
    found = Craft(PARAMS).fit(model, both(24), context)
    assert list(found.about["classes"]) == ["0"]
    assert any("time budget ended after 1 of 2 classes" in each for each in found.about["notes"])


def test_a_fit_is_cancelled(model: ModelAdapter, both: Any, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        Craft(PARAMS).fit(model, both(24), Context(cancelled=lambda: True, checkpoint=tmp_path))
