"""Badges: the same four for every method, and one rule for what is poor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp.comparison.badge import answer_badges, line, method_badges
from interp.evidence import Heatmap, Regions, is_poor, marked_fit
from interp.explanation import Explanation
from interp.registry import Registry

ROOT = Path(__file__).parents[2]
VALUES = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)


@dataclass
class Measured:
    better: int
    worse: int
    pairs: int = 9
    same_model: bool = True

    @property
    def score(self) -> float:
        return (self.better - self.worse) / self.pairs


def explanation(samples: int = 0, scores: Any = None, **fields: Any) -> Explanation:
    heat = Heatmap(name="map", target="cat", image=0, values=VALUES, **fields)
    return Explanation((heat,), samples, scores or {}, ())


@pytest.mark.parametrize(
    ("fields", "words", "states"),
    [
        ({}, ("does not tell", "none, it takes no samples"), ("unknown", "good")),
        ({"samples": 9}, ("does not tell", "does not tell"), ("unknown", "unknown")),
        ({"r2": 0.83}, ("R² 0.83", "none, it takes no samples"), ("good", "good")),
        ({"r2": 0.21}, ("R² 0.21, poor", "none, it takes no samples"), ("poor", "good")),
        ({"r2": -3.0}, ("does not fit at all", "none, it takes no samples"), ("poor", "good")),
        (
            {"samples": 9, "scores": {"cat": {"reliability": 0.4}}},
            ("does not tell", "reliability 0.40, poor"),
            ("unknown", "poor"),
        ),
    ],
)
def test_an_answer(fields: Any, words: Any, states: Any) -> None:
    found = answer_badges(explanation(**fields), "cat")
    assert tuple(each.words for each in found) == words
    assert tuple(each.state for each in found) == states


def test_a_standard_error_gives_a_reliability() -> None:
    labels = np.repeat(np.arange(4, dtype=np.int32), 4).reshape(4, 4)
    regions = Regions(
        name="map",
        target="cat",
        image=0,
        labels=labels,
        importance=np.array([0.0, 1.0, 2.0, 3.0], np.float32),
        standard_error=np.full(4, 0.1, np.float32),
    )
    found = answer_badges(Explanation((regions,), 9, {}, ()), "cat")[1]
    assert found.state == "good" and found.words.startswith("reliability 0.9")


def test_a_method() -> None:
    lime = Registry.load().entry("method", "lime")
    said, measured = method_badges(lime, Measured(9, 0))
    assert (said.about, said.state) == ("interp check", "good")
    assert (measured.words, measured.state) == ("better than blind maps in 9 of 9", "good")
    assert method_badges(lime, Measured(4, 4))[1].state == "poor"
    assert method_badges(lime, None)[1].state == "unknown"
    assert method_badges(lime, Measured(9, 0, same_model=False))[1].state == "unknown"
    assert line((said, measured)).count(" · ") == 1


def test_what_interp_check_measured_is_told_of_built_in_methods_and_nothing_of_others() -> None:
    """Passes and fails as the committed findings have them, and a promise is not called a pass."""
    registered = Registry.load()
    found = json.loads((ROOT / "docs/truth.json").read_text())["findings"]
    for method, group in groupby(found, lambda each: each["method"]):
        entry = registered.entry("method", method)
        badge = method_badges(entry, None)[0]
        measured = [each for each in group if each["check"] != "conformance"]
        passed, failed = (
            [each["check"] for each in measured if each["outcome"] == outcome]
            for outcome in ("pass", "fail")
        )
        for word, checks in (("passes", passed), ("fails", failed)):
            assert (f"{word} {', '.join(checks)}" in badge.words) == bool(checks)
        assert (badge.state == "poor") == (bool(failed) and not passed)
        assert (badge.state == "unknown") == (not failed and not passed)
    outside = entry.model_copy(update={"name": "of-another-package", "claims": ("region",)})
    badge = method_badges(outside, None)[0]
    assert (badge.words, badge.state) == ("promises region; not measured here", "unknown")


def test_one_rule_for_poor() -> None:
    assert [is_poor(each) for each in (None, 0.49, 0.5, -2.0)] == [False, True, False, True]
    assert marked_fit(0.5) == "R² 0.50"
    assert marked_fit(0.1) == "R² 0.10, poor"
