"""Advice on methods: costs, verdicts of evaluations, and the choice of three."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import interp
from interp.cli import main
from interp.context import Budget
from interp.errors import InputError
from interp.evaluation.request import MetricSpec
from interp.evaluation.summary import Cell, Evaluations, EvaluationSummary, Mean, Verdict
from interp.registry import Registry
from interp.request import Request
from interp.session import Session
from interp.suggestion.cost import Cost, measure_cost
from interp.suggestion.suggest import (
    ANSWERS,
    INSIDE,
    SLOPES,
    MethodAdvice,
    SuggestionRequest,
    _choose,
    suggest,
)
from interp.testing import ToyModel

REGISTRY = Registry.load()


def session(**changes: object) -> Session:
    return Session(REGISTRY, ToyModel(), **changes)  # type: ignore[arg-type]


def advice(name: str, look: str, score: float | None = None, seconds: float = 1) -> MethodAdvice:
    """A method with a verdict on ten comparisons, or with none."""
    verdict = None
    if score is not None:
        better, worse = (10, 10 - round(10 * score)) if score > 0 else (0, round(-10 * score))
        verdict = Verdict("tables", 100, better, worse, 10, same_model=True)
    return MethodAdvice(name, name, look, Cost(seconds), (), verdict)


def test_the_best_of_each_way_of_looking_are_chosen() -> None:
    fit = [
        advice("first", INSIDE, 1.0),
        advice("second", INSIDE, 0.9),
        advice("third", SLOPES, 0.4),
        advice("fourth", ANSWERS, 0.1),
        advice("fifth", ANSWERS, -0.5),
    ]
    assert list(_choose(fit)) == ["first", "third", "fourth"]
    assert list(_choose(fit[:3])) == ["first", "third", "second"]
    assert _choose([]) == {}
    assert "100 images" in _choose(fit)["first"] and "looks inside" in _choose(fit)["first"]


def test_order_is_by_evaluations_then_promises_then_cost() -> None:
    good, bad, unknown = advice("a", INSIDE, 0.5), advice("b", INSIDE, -0.5), advice("c", INSIDE)
    cheap = replace(unknown, name="d", cost=Cost(0.1))
    promising = replace(unknown, name="e", claims=("region",))
    found = sorted([bad, unknown, cheap, promising, good], key=lambda each: each.order)
    assert [each.name for each in found] == ["a", "e", "d", "c", "b"]


def summary(higher: bool, **cells: tuple[float, float]) -> EvaluationSummary:
    """An evaluation by one metric; each method's difference to one blind map, as an interval."""
    spec = MetricSpec(unit="share", higher_is_better=higher, images=None)
    blind = {
        name: {"centre": Mean(value=sum(ends) / 2, low=ends[0], high=ends[1], images=7)}
        for name, ends in cells.items()
    }
    table = {
        name: Cell(value=0.5, low=0.4, high=0.6, images=7, less=less)
        for name, less in blind.items()
    }
    model = ToyModel().spec
    return EvaluationSummary(model=model, size=7, metrics={"m": spec}, table={"m": table})


@pytest.mark.parametrize("higher", [True, False])
def test_a_verdict_counts_intervals_that_leave_zero(higher: bool) -> None:
    ends = {"up": (0.1, 0.3), "even": (-0.1, 0.2), "down": (-0.4, -0.1)}
    found = Evaluations({"t": summary(higher, **ends)}, same_model=True)
    up, even, down = (found.verdict(name) for name in ends)
    assert up and even and down
    assert (even.better, even.worse, even.pairs, even.images) == (0, 0, 1, 7)
    better, worse = (up, down) if higher else (down, up)
    assert (better.better, better.worse, better.score) == (1, 0, 1.0)
    assert (worse.better, worse.worse, worse.score) == (0, 1, -1.0)
    assert found.verdict("another") is None


def test_own_evaluations_come_before_those_of_other_models(tmp_path: Path) -> None:
    model = ToyModel()
    other = summary(True, up=(0.1, 0.3))
    changed = other.model.model_copy(update={"fingerprint": "other"})
    for name, each in {"own": other, "other": other.model_copy(update={"model": changed})}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(each.model_dump_json())
    both = Evaluations.of(REGISTRY, model, [tmp_path / "own", tmp_path / "other"])
    assert both.same_model and list(both.named) == [str(tmp_path / "own")]
    alone = Evaluations.of(REGISTRY, model, [tmp_path / "other"])
    assert not alone.same_model and str(tmp_path / "other") in alone.named
    (tmp_path / "own" / "results.json").write_text('{"model": 3}')
    with pytest.raises(InputError, match="expected a folder that interp evaluate wrote"):
        Evaluations.of(REGISTRY, model, [tmp_path / "own"])


def test_what_evaluate_wrote_can_be_cited(tmp_path: Path) -> None:
    out = tmp_path / "measured"
    given = {"methods": ["gradcam"], "metrics": ["energy-mask"], "limit": 3}
    interp.evaluate("creatures-vgg", "creatures", out=out, **given)
    found = EvaluationSummary.read(out)
    model = interp.open_model("creatures-vgg")
    verdict = Evaluations.of(REGISTRY, model, [out]).verdict("gradcam")
    assert found.table["energy-mask"]["gradcam"].less.keys() == {"random", "centre", "edges"}
    assert verdict is not None and verdict.same_model and verdict.pairs >= 3


def test_a_cost_is_measured_or_extrapolated_or_a_refusal() -> None:
    whole = measure_cost(Request(method="gradcam", targets=("0",)), session(), 30)
    assert whole.measured and whole.seconds is not None and whole.seconds < 30
    many = Request(method="rise", targets=("0",), budget=Budget(samples=10**7), images=("sample",))
    part = measure_cost(many, session(), 0.5)
    assert not part.measured and part.seconds is not None and part.seconds > 50
    none = measure_cost(Request(method="explainer", targets=("0",)), session(), 1)
    assert none.seconds is None and none.refusal
    assert "cannot be run" in str(none)


def test_every_method_that_answers_is_listed_once_and_blind_ones_are_not() -> None:
    found = suggest(
        SuggestionRequest(targets=("0",), budget=Budget(samples=50)), session(), trial=0.3
    )
    names = [each.name for each in found.methods]
    known = {e.name for e in REGISTRY.entries("method") if e.answers == "where"}  # type: ignore[attr-defined]
    assert sorted(names) == sorted(known - {"random", "centre", "edges"})
    assert len(found.chosen) == 3
    assert [e.name for e in found.comparison().methods] == list(found.chosen)
    json.dumps(found.plain())
    lines = repr(found).splitlines()
    assert len(lines) == 2 + len(found.chosen) and max(map(len, lines)) < 400
    assert all(f"\n  {name}: {reason}\n" in repr(found) for name, reason in found.chosen.items())


def test_methods_that_take_too_long_are_not_chosen() -> None:
    request = SuggestionRequest(targets=("0",), seconds=1e-6, budget=Budget(samples=20))
    found = suggest(request, session(), trial=0.1)
    assert found.chosen == {} and found.methods


def test_a_question_nobody_answers_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="did you mean 'where'"):
        suggest(SuggestionRequest(question="wher"), Session(REGISTRY, object()))


def test_from_python_on_an_array(registry) -> None:
    import numpy as np

    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    found = interp.suggest(ToyModel(), image, target=0, seconds=30, registry=registry)
    assert found.request.image == "image 0" and found.chosen
    with pytest.raises(InputError, match="found 2 images; expected one"):
        interp.suggest(ToyModel(), [image, image], registry=registry)


def test_on_the_command_line(tmp_path: Path, capsys) -> None:
    words = ["suggest", "--question", "which channels", "--run", "--out", str(tmp_path / "first")]
    assert main([*words, "--seconds", "300"]) == 0
    shown = capsys.readouterr().out
    assert "recommended" in shown and (tmp_path / "first" / "report.html").is_file()
    assert main(["suggest", "--out", str(tmp_path / "second")]) == 2
    assert "add --run" in capsys.readouterr().err
    assert main(["suggest", "--seconds", "0"]) == 2
    assert "--seconds" in capsys.readouterr().err
    assert main(["suggest", "--question", "why", "--json"]) == 2
