"""The explainer as a method: the common checks, contributions by hand, survey."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Context
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import Target
from interp.testing import MethodCase, method_checks
from interp_explainer.coordinates import peak_points, pixels, to_input, to_original
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.network import build
from interp_explainer.outline import outline, tiled
from interp_explainer.params import ExplainerParams
from interp_explainer.structure import find_structure

GREEN, AGAINST = Target(1, "green"), Target(1, "green, not red", 2)


@pytest.fixture
def known(model: ModelAdapter, learned: Knowledge) -> TrainedExplainer:
    return TrainedExplainer.read(model, learned)


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_is_a_good_method(
    check: Callable[[MethodCase], None],
    learned: Knowledge,
    model: ModelAdapter,
    tmp_path: Path,
) -> None:
    learned.save(tmp_path / "known")
    check(MethodCase("explainer", Registry.load(), model, knowledge=str(tmp_path / "known")))


@pytest.mark.parametrize("target", [GREEN, AGAINST])
def test_contributions_are_what_is_lost_without_a_filter(
    known: TrainedExplainer,
    model: ModelAdapter,
    squares: Any,
    method: Any,
    learned: Knowledge,
    target: Target,
) -> None:
    """Filter by filter: its weights in conv-interp-2 set to what gives zero, and run again."""
    image = squares()[4].image
    found = method().explain(model, [image], [target], learned, Context())
    pixels_, _ = model.prepare(image)
    classifier = model.module().classifier

    def score() -> float:
        _, _, answer = known.run(pixels_[None])
        scores = classifier(answer.goals[-1])[0].detach()
        return float(target.select(scores))

    whole, state = score(), {k: v.clone() for k, v in known.network.state_dict().items()}
    for k in range(known.structure.filters):
        with torch.no_grad():
            known.network.interp2.weight[k] = 0
            known.network.interp2.bias[k] = -1  # type: ignore[index]
        given = whole - score()
        assert found.named("contributions").values[k] == pytest.approx(given, abs=1e-4)
        known.network.load_state_dict(state)
    assert found.named("contributions").word == "filter"  # no channel of the network
    values = found.named("contributions").values
    assert np.abs(values).max() > 1e-3
    assert found.named("part maps").filters == np.argsort(-values, kind="stable")[:6].tolist()


def test_part_maps_and_their_partners(
    known: TrainedExplainer, model: ModelAdapter, squares: Any, method: Any, learned: Knowledge
) -> None:
    image = squares()[4].image
    found = method(filters=3).explain(model, [image], [GREEN], learned, Context())
    prepared, placement = model.prepare(image)
    maps, _, answer = known.run(prepared[None])
    field = model.layer("second.1").field
    drawn = found.named("part maps")
    pairs = found.named("part filters above channels of the network")
    assert pairs.pictures.shape == (3, 2 * 96, 96, 3)
    parts = answer.encoded.parts[0].numpy()
    for at, k in enumerate(drawn.filters):
        wide = placement.to_image(placement.grid_to_input(parts[k], field))
        np.testing.assert_allclose(drawn.maps[at], wide, atol=1e-6)
        row, column = np.unravel_index(parts[k].argmax(), parts[k].shape)
        assert field is not None
        expected = [int(field.offset[0] + 2 * row), int(field.offset[1] + 2 * column)]
        assert drawn.peaks[at].tolist() == expected
        flat = parts[k].ravel()
        cosines = [
            (flat @ each.ravel()) / max(np.linalg.norm(each), 1e-30) for each in maps[0].numpy()
        ]
        partner = int(np.argmax(cosines))
        assert pairs.captions[at] == f"filter {k}, channel {partner}"
        for row, cells in enumerate((parts[k], maps[0, partner].numpy())):
            over = placement.to_image(placement.grid_to_input(cells, field))
            expected_picture = outline(image, over, over.max() / 2)
            assert np.array_equal(pairs.pictures[at, 96 * row : 96 * (row + 1)], expected_picture)


def test_tables_say_how_well_features_are_rebuilt(
    model: ModelAdapter, known: TrainedExplainer, squares: Any, method: Any, learned: Knowledge
) -> None:
    image = squares()[4].image
    found = method().explain(model, [image], [GREEN], learned, Context())
    rebuilt, classes = found.named("rebuilt"), found.named("classes")
    _, goals, answer = known.run(model.prepare(image)[0][None])
    error = ((answer.goals[1] - goals[1]) ** 2).sum() / (goals[1] ** 2).sum()
    assert rebuilt.rows[1] == ["relu2", pytest.approx(error.item(), abs=1e-3)]
    assert rebuilt.rows[2][1] == pytest.approx(known.network.p.item(), abs=1e-4)
    scores = model.module().classifier(answer.goals[1])[0].softmax(0)
    assert classes.rows[0][0] == "green"
    assert classes.rows[0][2] == pytest.approx(scores[1].item(), abs=1e-3)
    assert bool(found.notes) == (error.item() > 0.5)


def test_survey(model: ModelAdapter, squares: Any, method: Any, learned: Knowledge) -> None:
    found = method(gallery=4, examples=3).survey(model, squares(), learned, Context())
    gallery = found.named("parts")
    assert gallery.pictures.shape == (4, 2 * 96, 2 * 96, 3) and len(gallery.captions) == 4
    assert (gallery.pictures[:, 96:, 96:] == 255).all()  # three examples, two to a row
    ranks = [row[1] * row[2] for row in found.named("filters").rows]
    assert ranks == pytest.approx(sorted(ranks, reverse=True), abs=1e-3)
    assert found.named("training").x.tolist() == list(range(6))
    assert found.named("measures").rows[0] == ["images", 40]


def test_an_outline_leaves_its_part_as_it_was() -> None:
    image = np.full((30, 40, 3), 200, np.uint8)
    over = np.zeros((30, 40))
    over[5:20, 10:30] = 1.0
    found = outline(image, over, 0.5)
    assert found.shape == (96, 96, 3)
    assert found[40, 48].tolist() == [200] * 3 and found[90, 90].tolist() == [100] * 3
    assert (found == (220, 30, 30)).all(2).sum() > 100


def test_pictures_in_rows() -> None:
    pictures = [np.full((96, 96, 3), each, np.uint8) for each in (1, 2, 3)]
    found = tiled(pictures, 2)
    assert found[::96, ::96, 0].tolist() == [[1, 2], [3, 255]]
    assert tiled(pictures, 1)[::96, ::96, 0].tolist() == [[1], [2], [3]]


def test_points_there_and_back(model: ModelAdapter) -> None:
    _, placement = model.prepare(np.zeros((40, 24, 3), np.uint8))
    points = np.array([[0.0, 0.0], [13.0, 21.5]])
    np.testing.assert_allclose(to_original(to_input(points, placement), placement), points)
    assert to_input(np.array([40.0, 24.0]), placement).tolist() == [16, 16]
    maps = np.zeros((2, 8, 8))
    maps[0, 3, 7] = maps[1, 0, 0] = 1
    layer = model.layer("second.1")
    assert layer.field is not None
    offset, stride = layer.field.offset, layer.field.stride
    expected = [[offset[0] + 3 * stride[0], offset[1] + 7 * stride[1]], list(offset)]
    assert peak_points(maps, layer, (16, 16)).tolist() == expected
    blind = layer.model_copy(update={"field": None})
    assert peak_points(maps, blind, (16, 16)).tolist() == [[7, 15], [1, 1]]
    assert pixels(np.array([[-1.0, 99.0], [3.7, 2.0]]), (10, 12, 3)).tolist() == [[0, 11], [3, 2]]


def test_what_is_shipped_is_for_its_network_and_an_export(
    model: ModelAdapter, learned: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned.save(tmp_path / "tiny")
    monkeypatch.setattr("interp_explainer.knowledge.SHIPPED", tmp_path)
    assert TrainedExplainer.of(model).log == learned.about["log"]
    model.export(tmp_path / "m.onnx")
    export = open_model(str(tmp_path / "m.onnx"), ModelOptions(device="cpu"), Registry.load())
    assert TrainedExplainer.of(export).network.share == TrainedExplainer.of(model).network.share
    with pytest.raises(InputError, match="no explainer of"):
        TrainedExplainer.of(open_model("creatures-vgg", ModelOptions(), Registry.load()))


def test_an_explainer_of_the_default_network_is_small() -> None:
    structure = find_structure(
        open_model("creatures-vgg", ModelOptions(), Registry.load()), None, (), None
    )
    kept = build(structure, ExplainerParams()).state_dict().values()
    assert sum(4 * each.numel() for each in kept) < 4_000_000


def test_nothing_is_known_of_a_model(model: ModelAdapter, squares: Any, method: Any) -> None:
    with pytest.raises(InputError, match=r"no explainer of .* was learned; .*interp fit"):
        method().explain(model, [squares()[0].image], [GREEN], None, Context())
