"""An evaluation's result in words and ranks, on values whose answer is known, and its report."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from interp.evaluation.folder import open_evaluation, save_evaluation
from interp.evaluation.request import EvaluationRecord, EvaluationRequest, MetricSpec
from interp.evaluation.result import Evaluation
from interp.evaluation.verdict import failures, rank_words, verdict_lines
from interp.registry import Registry
from interp.report.command import evaluate_command
from interp.report.evaluation_page import evaluation_html
from interp.request import Choice
from interp.testing import ToyModel

SPECS = {
    "up": MetricSpec(unit="share", higher_is_better=True, images=None),
    "down": MetricSpec(unit="score", higher_is_better=False, images=None),
}


def evaluation(count: int = 40, failed: int = 0, **means: tuple[float, float]) -> Evaluation:
    """Methods with these means of both metrics, which vary alike over the images."""
    random = np.random.default_rng(0)
    noise, own = random.normal(0, 0.1, count), random.normal(0, 0.02, (count, len(means)))
    own -= own.mean(0)  # equal means are equal
    records = []
    for at in range(count):
        values = {
            metric: {
                name: float(each[place] + noise[at] + own[at, number])
                for number, (name, each) in enumerate(means.items())
            }
            for place, metric in enumerate(SPECS)
        }
        failures = {"broken": {"explain": f"no layer on {at}"}} if at < failed else {}
        records.append(
            EvaluationRecord(position=at, image=f"{at}.png", values=values, failures=failures)
        )
    names = [*(each for each in means if each != "random"), *(["broken"] if failed else [])]
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in names), baselines=("random",)
    )
    return Evaluation(request, ToyModel().spec, "", count, SPECS, tuple(records), {})


def test_ranks_tell_apart_what_differs_beyond_chance_and_no_more() -> None:
    found = evaluation(best=(0.9, 0.1), same=(0.9, 0.1), worse=(0.5, 0.5), random=(0.1, 0.9))
    wanted = {"best": (1, 2), "same": (1, 2), "worse": (3, 3), "random": (4, 4)}
    assert found.ranks == {"up": wanted, "down": wanted}
    assert [rank_words(each) for each in ((1, 2), (3, 3), None)] == ["1 to 2", "3", "–"]


def test_the_result_in_words() -> None:
    found = evaluation(best=(0.9, 0.1), worse=(0.5, 0.5), random=(0.1, 0.9))
    said = verdict_lines(found)
    assert said[0] == "Best, or not to be told from the best, of 2 metrics: best on 2."
    assert re.fullmatch(r"up: best is best, 0\.\d+ \[.*\], beyond chance\.", said[1])
    assert said[2].startswith("down: best is best, ") and len(said) == 3


def test_what_is_no_better_than_a_map_without_a_model_is_told() -> None:
    found = evaluation(good=(0.9, 0.1), poor=(0.1, 0.9), random=(0.1, 0.9))
    assert "Not better beyond chance than maps that see no model: poor on 2 of 2." in verdict_lines(
        found
    )


def test_a_method_that_failed_everywhere_is_not_said_to_be_no_better_than_a_blind_map() -> None:
    found = evaluation(failed=40, good=(0.9, 0.1), random=(0.1, 0.9))
    assert not any("Not better" in each for each in verdict_lines(found))


def test_those_that_may_be_as_good_are_named() -> None:
    same = {f"m{each}": (0.9 - each / 1000, 0.1) for each in range(6)}
    (line,) = [each for each in verdict_lines(evaluation(**same)) if each.startswith("up: ")]
    assert re.search(r"m0 is best, .*; m1, m2, m3 and 2 others may be as good\.", line)


def test_few_images_and_failures_are_told() -> None:
    found = evaluation(count=5, failed=2, good=(0.9, 0.1), random=(0.1, 0.9))
    said = verdict_lines(found)
    assert "5 images are few: more of them would tell more methods apart." in said
    assert "broken failed on 2 of 5 images." in said
    assert [(each.image, each.what) for each in failures(found)] == [
        ("0.png", "explain"),
        ("1.png", "explain"),
    ]
    assert not any("few" in each for each in verdict_lines(evaluation(good=(0.9, 0.1))))


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data) -> None:
        self.words.append(data)


def test_the_report_is_one_file_with_everything(tmp_path) -> None:
    found = evaluation(count=12, failed=3, good=(0.9, 0.1), random=(0.1, 0.9))
    text = evaluation_html(Registry.load(), found)
    page = Page(text)
    shown = " ".join(" ".join(page.words).split())
    assert not re.search(r"https?:|@import|url\(", re.sub(r"base64,[\w+/=]+", "", text))
    assert not any(tag in ("a", "link") for tag, _ in page.found)
    for words in (
        *verdict_lines(found),
        "broken: 3 of 12 images",
        "explain: no layer on 2",
        "sees no model",
        "interp evaluate --plugins good,broken",
        "Ranks",
    ):
        assert words in shown, words
    save_evaluation(found, tmp_path / "out", lambda _: text)
    assert (tmp_path / "out/report.html").read_text("utf-8") == text
    assert len(open_evaluation(tmp_path / "out").records) == 12


def test_the_command_makes_it_again() -> None:
    request = EvaluationRequest(
        methods=(Choice(name="rise", params={"samples": 50}), Choice(name="gradcam")),
        metrics=(Choice(name="deletion", params={"steps": 5}),),
        baselines=(),
        data="photos",
        target="predicted",
        limit=7,
        seed=3,
    )
    assert evaluate_command(request) == (
        "interp evaluate --plugins rise,gradcam --metrics deletion --data photos --limit 7 "
        "--target predicted --set rise.samples=50 --metric-set deletion.steps=5 --seed 3 "
        "--no-baselines"
    )


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_images_are_no_failure(count: int) -> None:
    found = evaluation(count=count, good=(0.9, 0.1), random=(0.1, 0.9))
    assert found.ranks["up"] and verdict_lines(found)
    assert evaluation_html(Registry.load(), found)
