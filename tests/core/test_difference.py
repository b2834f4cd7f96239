"""Repeating what a folder holds, and telling two results apart."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.difference.difference import Difference, difference
from interp.difference.pair import EvidenceDiff
from interp.difference.picture import difference_panels, draw_difference
from interp.difference.rerun import rerun
from interp.difference.setting import _params, changes
from interp.errors import InputError
from interp.evidence import Table
from interp.explanation import Explanation
from interp.request import Choice, Request
from interp.result.bundle import save_bundle
from interp.run import run
from interp.session import Session
from interp.short import setting_words
from interp.testing import ToyModel

RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
BUDGET = Budget(samples=100, batch_size=50)


@pytest.fixture
def made(registry, tmp_path):
    """A bundle of "tiles" at tmp_path/name."""

    def make(name: str, model=None, images=IMAGES, **changes) -> tuple[Request, Explanation]:
        request = Request(method="tiles", budget=BUDGET, **changes)
        model = model or ToyModel()
        out = tmp_path / name
        found = run(request, registry=registry, model=model, images=images, out=out).explanation
        return request, found

    return make


def test_equal_bundles_are_the_same(made, tmp_path) -> None:
    made("a", targets=("ant", "bee"))
    made("b", targets=("ant", "bee"))
    found = difference(tmp_path / "a", tmp_path / "b")
    assert found.same and found.largest == 0 and found.changes == {}
    assert found.verdict() == (
        "the same: largest difference 0 (relative) over 8 pieces of evidence"
    )
    assert all(each.correlation == pytest.approx(1) for each in found.pairs)


def test_numbers_against_a_second_writing(made, tmp_path, registry) -> None:
    _, before = made("a", images=IMAGES[:1], targets=("ant",))
    _, after = made("b", images=IMAGES[:1], targets=("ant",), seed=1)
    found = difference(tmp_path / "a", tmp_path / "b")
    assert not found.same and found.changes == {"seed": (0, 1)}
    pair = next(each for each in found.pairs if each.name == "map, ant")
    a, b = (each.named("map").values.astype(float) for each in (before, after))
    assert pair.largest == pytest.approx(
        np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max())
    )
    assert pair.absolute == pytest.approx((np.abs(a - b).max(), np.abs(a - b).mean()))
    assert pair.correlation == pytest.approx(spearmanr(a.ravel(), b.ravel())[0])
    assert "not the same: 2 of 2 pieces" in found.verdict()
    json.dumps(found.facts(), allow_nan=False)
    picture = draw_difference(registry, found)
    assert picture.dtype == np.uint8 and picture.shape[1] > 3 * 360


def test_evidence_without_a_map_is_drawn_where_it_differs(registry) -> None:
    one = Table(name="t", columns=["a"], rows=[["x"]])
    alone, same = EvidenceDiff("only", one, None), EvidenceDiff("same", one, one)
    with pytest.raises(InputError, match="nothing that both have"):
        difference_panels(registry, Difference((alone,), {}))
    assert [name for name, _ in difference_panels(registry, Difference((same,), {}))] == ["same"]
    other = EvidenceDiff("other", one, replace(one, rows=[["y"]]))
    ((name, panels),) = difference_panels(registry, Difference((alone, same, other), {}))
    assert name == "other" and list(panels) == ["A", "B"]
    assert not np.array_equal(panels["A"], panels["B"])


def test_settings_are_told_as_people_write_them() -> None:
    assert setting_words(["two", "sample"]) == "two, sample"
    assert setting_words({"samples": 1000, "bands": None}) == "samples=1000, bands=–"
    assert {setting_words(each) for each in (None, "", [], {})} == {"–"}
    assert setting_words(0) == "0"


def test_a_slight_change_is_seen(made, tmp_path) -> None:
    request, found = made("a", images=IMAGES[:1])
    for size, same in ((1e-7, True), (1e-3, False)):
        heat = found.named("map")
        values = heat.values.copy()
        values[3, 4] += size * np.abs(values).max()
        moved = tuple(
            replace(each, values=values) if each.name == "map" else each for each in found.evidence
        )
        folder = save_bundle(tmp_path / f"{size}", request, replace(found, evidence=moved), {})
        apart = difference(tmp_path / "a", folder)
        assert apart.same == same
        assert apart.largest == pytest.approx(size, rel=0.1)
        assert same or apart.verdict().endswith("0.001 (relative) in its values")


def test_tables_and_words_count_too() -> None:
    def pair(**changes) -> EvidenceDiff:
        one = Table(name="t", columns=["a", "b"], rows=[["x", 2.0], ["y", 4.0]], r2=0.5)
        return EvidenceDiff("t", one, replace(one, **changes) if changes else one)

    assert pair().largest == 0
    assert pair(rows=[["x", 2.0], ["y", 5.0]]).largest == pytest.approx(1 / 5)
    assert pair(rows=[["x", 2.0], ["z", 4.0]]).summary() == "the shape or the text differs"
    assert pair(rows=[["x", 2.0]]).largest == math.inf
    assert pair(r2=0.25).largest == 0.25


def test_what_only_one_has_differs(made, tmp_path, registry) -> None:
    made("a", targets=("ant",))
    made("b", targets=("ant", "bee"))
    found = difference(tmp_path / "a", tmp_path / "b")
    assert not found.same and math.isinf(found.largest)
    assert found.verdict().endswith("only the second has it")
    assert found.changes["targets"] == (["ant"], ["ant", "bee"])
    assert draw_difference(registry, found).ndim == 3


def test_a_run_is_repeated_on_its_own_images(made, tmp_path, registry) -> None:
    made("a", targets=("bee, not ant",), images=IMAGES, seed=7)
    again = rerun(
        tmp_path / "a", Session(registry=registry, model=ToyModel()), out=tmp_path / "again"
    )
    assert again.same and len(again.difference.pairs) == 4
    assert again.difference.changes == {}
    assert difference(tmp_path / "a", tmp_path / "again").same
    made("timed", images=IMAGES[:1])
    assert rerun(tmp_path / "timed", Session(registry=registry, model=ToyModel())).out is None


def test_defaults_that_changed_since_do_not_matter(made, tmp_path, registry, monkeypatch) -> None:
    request, _ = made("a", images=IMAGES[:1])
    chosen = (Choice(name="tiles"),)
    asked = ComparisonRequest(methods=chosen, budget=BUDGET)
    compare(
        asked, Session(registry=registry, model=ToyModel()), images=IMAGES[:1], out=tmp_path / "c"
    )
    kind = registry.get("method", "tiles")

    class Other(kind.Params):
        cells: int = 3

    monkeypatch.setattr(kind, "Params", Other)
    for name in ("a", "c"):
        again = rerun(tmp_path / name, Session(registry=registry, model=ToyModel()))
        assert again.same and again.difference.changes == {}
    run(request, registry=registry, model=ToyModel(), images=IMAGES[:1], out=tmp_path / "b")
    assert difference(tmp_path / "a", tmp_path / "b").changes == {"params.cells": (4, 3)}


def test_another_model_is_told(made, tmp_path, registry) -> None:
    made("a")
    with pytest.raises(InputError, match=r"toy-1.*toy-0.*was explained.*interp\.rerun"):
        rerun(tmp_path / "a", Session(registry=registry, model=ToyModel(seed=1)))
    made("live")
    with pytest.raises(InputError, match="was explained; name that model"):
        rerun(tmp_path / "live", Session(registry=registry))  # the request names the default model


def test_a_model_that_was_live_is_asked_for(made, tmp_path, registry) -> None:
    request, found = made("a")
    save_bundle(tmp_path / "live", request.model_copy(update={"model": "python:Net"}), found, {})
    with pytest.raises(InputError, match="was a live object, repeat from Python"):
        rerun(tmp_path / "live", Session(registry=registry))
    assert rerun(tmp_path / "live", Session(registry=registry, model=ToyModel())).same


def test_a_comparison_is_repeated_and_told_apart(tmp_path, registry) -> None:
    def make(name: str, **changes):
        chosen = tuple(Choice(name=each) for each in ("tiles", "crash", "twin"))
        request = ComparisonRequest(methods=chosen, budget=BUDGET, **changes)
        compare(
            request,
            Session(registry=registry, model=ToyModel()),
            images=IMAGES,
            out=tmp_path / name,
        )

    make("a")
    again = rerun(tmp_path / "a", Session(registry=registry, model=ToyModel()))
    assert again.same and len(again.difference.pairs) == 8 and again.difference.changes == {}
    make("b", seed=2)
    apart = difference(tmp_path / "a", tmp_path / "b")
    assert not apart.same and apart.changes == {"seed": (0, 2)}
    assert {each.name.split(", ")[1] for each in apart.pairs} == {"tiles", "twin"}


def test_folders_of_two_kinds_are_not_compared(made, tmp_path, registry) -> None:
    made("a")
    request = ComparisonRequest(methods=(Choice(name="tiles"),), budget=BUDGET)
    compare(
        request, Session(registry=registry, model=ToyModel()), images=IMAGES[:1], out=tmp_path / "c"
    )
    with pytest.raises(InputError, match=r"kind explanation, .* of kind comparison"):
        difference(tmp_path / "a", tmp_path / "c")
    for broken in (lambda: difference(tmp_path, tmp_path / "a"), lambda: rerun(tmp_path)):
        with pytest.raises(InputError, match="expected a folder that run or compare wrote"):
            broken()


def test_a_parameter_that_one_version_lacks_differs_only_where_it_was_given() -> None:
    """A new parameter's default is what the older version did."""
    old, new = {"cells": 8}, {"cells": 8, "noise": 0.0}
    for given, wanted in (({}, {}), ({"noise": 0.0}, {"noise": (None, 0.0)})):
        assert dict(changes(_params(old, {}), _params(new, given))) == wanted
    assert dict(changes(old, new)) == {"noise": (None, 0.0)}, "of other settings it is told"
