"""Decoupling as a method: the common checks, what sets an image apart, survey, measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.registered import registered

from interp.context import Context
from interp.errors import InputError
from interp.evaluation.detection import detect, draw_by_class
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.target import Target
from interp.testing import MethodCase, method_checks
from interp_decoupling.knowledge import DecouplingKnowledge

METRICS = registered("metric", "interp_decoupling")

GREEN = Target(1, "green")


@pytest.fixture
def trained(learned: Knowledge) -> ModelAdapter:
    assert learned.made is not None
    return learned.made


@pytest.fixture
def known(learned: Knowledge) -> DecouplingKnowledge:
    return DecouplingKnowledge.read(learned)


@pytest.fixture
def beside(learned: Knowledge, trained: ModelAdapter, tmp_path: Path) -> Any:
    """The trained model as one opened from the folder its knowledge lies in."""
    replace(learned, made=None).save(tmp_path / "B")
    before = trained.spec
    trained.spec = before.model_copy(update={"source": str(tmp_path / "B")})
    yield trained
    trained.spec = before


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_is_a_good_method(
    check: Callable[[MethodCase], None], learned: Knowledge, trained: ModelAdapter, tmp_path: Path
) -> None:
    replace(learned, made=None).save(tmp_path / "known")
    registry = Registry.load()
    check(MethodCase("decoupling", registry, trained, knowledge=str(tmp_path / "known")))


def test_the_path_is_what_the_modules_say(
    decoupling: Any,
    learned: Knowledge,
    trained: ModelAdapter,
    known: DecouplingKnowledge,
    colours: Any,
) -> None:
    image = colours()[1].image
    found = decoupling().explain(trained, [image], [GREEN], learned, Context())
    network: Any = trained.module()
    pixels = (trained.prepare(image)[0][None] - 0.5) / 0.5
    with torch.no_grad():
        x = network.stem(pixels)
        first = network.mid[0].control(x)
        x = network.pool(network.mid(x))
        codes = torch.cat([first, network.last.control(x)], 1)[0].numpy()
        maps = network.last(x)[0].numpy()
    assert found.named("path").states.tolist() == codes.tolist()
    shares = known.paths.shares(3)
    unlike = found.named("image unlike its class", "green").states
    np.testing.assert_allclose(unlike, codes - shares[1], atol=1e-6)
    others = (shares[0] + shares[2]) / 2
    contrast = found.named("class unlike others", "green").states
    np.testing.assert_allclose(contrast, shares[1] - others, atol=1e-6)
    shown = found.named("filters on in last", "green")
    on = [f for f in range(5) if codes[8 + f]]
    best = sorted(on, key=lambda f: -(shares[1] - others)[8 + f])[:3]
    assert shown.filters == best
    field = trained.layer("last").field
    _, placement = trained.prepare(image)
    expected = placement.to_image(placement.grid_to_input(maps[best[0]], field))
    np.testing.assert_allclose(shown.maps[0], expected, atol=1e-5)


def test_nearest_are_the_nearest(
    decoupling: Any,
    learned: Knowledge,
    trained: ModelAdapter,
    known: DecouplingKnowledge,
    colours: Any,
) -> None:
    found = decoupling(neighbours=2).explain(
        trained, [colours()[2].image], [GREEN], learned, Context()
    )
    path = found.named("path").states
    apart = [float((path != code).mean()) for code in known.paths.codes]
    shown = found.named("nearest images by path")
    assert shown.captions[0].endswith(f"{min(apart):.1%} differ")
    assert len(shown.captions) == 2
    best = int(np.argmin(apart))
    assert np.array_equal(shown.pictures[0], known.pictures[best])


def test_the_work_says_where_filters_are_skipped(
    decoupling: Any,
    learned: Knowledge,
    trained: ModelAdapter,
    known: DecouplingKnowledge,
    colours: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told() -> dict[str, Any]:
        found = decoupling().explain(trained, [colours()[1].image], [GREEN], learned, Context())
        return {row[0]: row[1] for row in found.named("work").rows}

    first = told()
    assert first["layers that skip filters that are off"] == 0  # the network is tiny
    assert first["multiply-adds: plain network"] == known.work.plain(known.filters)
    least = min(e.each * e.channels * known.filters[n] for n, e in known.work.layers.items())
    monkeypatch.setattr("interp_decoupling.work.PAYS", least + 1)
    assert told()["layers that skip filters that are off"] == 1


def test_a_difference_and_a_class_without_references(
    decoupling: Any,
    learned: Knowledge,
    trained: ModelAdapter,
    known: DecouplingKnowledge,
    colours: Any,
) -> None:
    both = Target(1, "green, not red", 2)
    found = decoupling().explain(trained, [colours()[1].image], [both], learned, Context())
    shares = known.paths.shares(3)
    contrast = found.named("class unlike others", both.name).states
    np.testing.assert_allclose(contrast, shares[1] - shares[2], atol=1e-6)
    poor = replace(learned, arrays={**learned.arrays, "labels": np.zeros(6, np.int64)})
    found = decoupling().explain(trained, [colours()[1].image], [GREEN], poor, Context())
    assert found.notes == ("green: its path is not known: no reference image shows it",)
    assert found.named("path") and not found.of("part_maps")


def test_survey(
    decoupling: Any, learned: Knowledge, trained: ModelAdapter, colours: Any, tmp_path: Path
) -> None:
    file = tmp_path / "concepts.json"
    file.write_text(json.dumps({"top": {"blue": "cold", "green": "cold", "red": "warm"}}))
    method = decoupling(concepts=str(file), timed=1, concept_layer="mid.0")
    found = method.survey(trained, colours(30), learned, Context())
    for each in found.evidence:
        each.check()
    numbers = dict(found.named("measures").rows)
    assert numbers["images"] == 30 and 0 < numbers["filters on"] < 1
    table = found.named("layers")
    assert [row[0] for row in table.rows] == ["mid.0", "last", "whole path"]
    assert "purity by top" in table.columns
    matrix = found.named("classes' paths alike").values
    np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-6)
    assert found.named("time").rows[0][1] > 0
    together = found.named("filters on together")
    assert all(row[2] in ("top", "top cold", "top warm") for row in together.rows)


def test_slips(decoupling: Any, learned: Knowledge, trained: ModelAdapter, colours: Any) -> None:
    method = decoupling(concept_layer="midd.0")
    with pytest.raises(InputError, match=r"'midd\.0' is not controlled; did you mean 'mid\.0'"):
        method.survey(trained, colours(12), learned, Context())


def test_measures(beside: ModelAdapter, known: DecouplingKnowledge, colours: Any) -> None:
    values = {}
    for name in ("path-diversity", "path-work"):
        kind = METRICS[name]
        values[name] = kind(kind.Params()).measure(beside, colours(12), Context()).value  # type: ignore[attr-defined, call-arg]
    pixels = torch.stack([beside.prepare(each.image)[0] for each in colours(12)])
    codes = known.codes(beside, (pixels * 255).round() / 255)
    mean = codes.mean(0)
    slow = np.mean([np.abs(code - mean).sum() for code in codes]) / 13
    assert values["path-diversity"] == pytest.approx(float(slow), rel=1e-5)
    work = known.work.share(codes, known.filters).mean()
    assert values["path-work"] == pytest.approx(float(work), rel=1e-5)


@pytest.mark.parametrize("kind", ["forest", "adaboost", "boosting"])
def test_detectors(kind: Any) -> None:
    """Planted codes are told apart; versions that are alike are not."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    clean = rng.random((60, 20)) < 0.5
    attacked = clean.copy()
    attacked[:, 3] = True
    clean[:, 3] = False

    def auc(first: np.ndarray, second: np.ndarray) -> float:
        generator = np.random.default_rng([0])
        return detect(first, second, draw_by_class(labels, 5, generator), generator, kind).auc()

    assert auc(clean, attacked) == 1.0
    other = rng.random((60, 20)) < 0.5
    assert 0.2 < auc(other, rng.random((60, 20)) < 0.5) < 0.8


def test_images_are_drawn_by_class() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    seen = draw_by_class(labels, 1, np.random.default_rng(0))
    assert np.bincount(labels[seen]).tolist() == [1, 1, 1]
    with pytest.raises(InputError, match="found 2 images of class 1 and --train 2"):
        draw_by_class(labels, 2, np.random.default_rng(0))


@pytest.mark.parametrize("of", ["path", "features"])
def test_detection_from_end_to_end(beside: ModelAdapter, colours: Any, of: Any) -> None:
    pytest.importorskip("captum")
    kind: Any = METRICS["path-detection"]
    params = kind.Params(train=2, repeats=2, eps=0.2, of=of)
    context = Context(lookup=Registry.load().get)
    found = kind(params).measure(beside, colours(24), context)
    assert 0 <= found.value <= 1 and found.count == 24 and found.unit == "auc"
