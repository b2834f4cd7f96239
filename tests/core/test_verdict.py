"""The verdict in words, on comparisons whose answer is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from interp.comparison.result import (
    ComparedImage,
    Comparison,
    ComparisonRequest,
    ImageRecord,
    MethodCell,
)
from interp.comparison.verdict import verdict, verdict_lines
from interp.evidence import Heatmap
from interp.explanation import Explanation, Prediction, Provenance
from interp.request import Choice
from interp.testing import ToyModel

SPEC = ToyModel().spec
CLASS = SPEC.classes[0]
IMAGE = np.zeros((90, 120, 3), np.uint8)


def blob(down: float, across: float, size: int = 8) -> np.ndarray:
    """A map with one Gaussian peak at these shares."""
    rows, columns = np.mgrid[:90, :120]
    far = (rows - 90 * down) ** 2 + (columns - 120 * across) ** 2
    return np.exp(-far / (2 * size**2))


def cell(method: str, values: np.ndarray | None, r2=None, empty=None, error=None) -> MethodCell:
    if values is None:
        return MethodCell(method, error=error)
    heat = Heatmap(name="map", target=CLASS, image=0, values=values, r2=r2)
    made = Provenance(method, SPEC, (CLASS,), {"output": "prob"}, image_names=("one",))
    scores = {} if empty is None else {CLASS: {"empty": empty}}
    return MethodCell(method, Explanation((heat,), scores=scores, provenance=made))


def compared(*images: list[MethodCell]) -> Comparison:
    answer = Prediction((CLASS,), (0,), (1.0,))
    cases = [ComparedImage("one", IMAGE, answer, (CLASS,), tuple(cells)) for cells in images]
    records = tuple(ImageRecord.of(each, SPEC) for each in cases)
    methods = tuple(Choice(name=each.method) for each in images[0])
    return Comparison(ComparisonRequest(methods=methods), SPEC, records, cases)


def lines(*cells: MethodCell) -> list[str]:
    return verdict_lines(compared(list(cells)))


def test_those_that_agree_are_named_with_the_place_and_the_others_too() -> None:
    near = [cell("a", blob(0.8, 0.8)), cell("b", blob(0.82, 0.78, 12)), cell("c", blob(0.78, 0.8))]
    assert lines(*near) == ["All 3 methods agree on where: at the bottom right."]
    assert lines(*near, cell("d", blob(0.2, 0.2))) == [
        "3 of 4 methods (a, b and c) agree on where: at the bottom right; d points elsewhere."
    ]
    assert lines(*near[:2]) == ["a and b agree on where: at the bottom right."]


@pytest.mark.parametrize(("down", "across"), product((0.15, 0.5, 0.85), repeat=2))
def test_the_place_is_told(down: float, across: float) -> None:
    row = {0.15: "top", 0.5: "", 0.85: "bottom"}[down]
    column = {0.15: "left", 0.5: "", 0.85: "right"}[across]
    words = f"at the {f'{row} {column}'.strip()}." if row or column else "in the middle."
    assert lines(cell("a", blob(down, across)), cell("b", blob(down, across)))[0].endswith(words)


def test_no_agreement_is_told() -> None:
    apart = [cell(name, blob(0.2, at)) for name, at in (("a", 0.15), ("b", 0.5), ("c", 0.85))]
    assert lines(*apart) == ["No two of 3 methods agree on where."]
    assert lines(*apart[:2]) == ["a and b do not agree on where."]
    assert lines(apart[0]) == []


def test_single_noisy_pixels_are_no_peak() -> None:
    spiky = blob(0.8, 0.8)
    spiky[5, 5] = 1.5
    assert (
        "agree on where: at the bottom right"
        in lines(cell("a", blob(0.8, 0.8)), cell("b", spiky))[0]
    )


def test_a_method_that_does_not_fit_is_named_and_no_witness() -> None:
    good = [cell("a", blob(0.8, 0.8), r2=0.9), cell("b", blob(0.8, 0.8))]
    poor = [cell("c", blob(0.8, 0.8), r2=0.2), cell("d", blob(0.2, 0.2), r2=-5.0)]
    said = lines(*good, *poor)
    assert said == [
        "a and b agree on where: at the bottom right.",
        "c and d do not fit here (R² 0.20, below −1).",
    ]


def test_maps_that_see_no_model_are_no_witnesses() -> None:
    said = lines(
        cell("a", blob(0.2, 0.5)), cell("b", blob(0.2, 0.5)), cell("centre", blob(0.5, 0.5))
    )
    assert said == ["a and b agree on where: at the top."]


def test_what_found_nothing_or_failed_is_named() -> None:
    said = lines(
        cell("a", blob(0.5, 0.5)), cell("b", -blob(0.5, 0.5)), cell("c", None, error="by zero")
    )
    assert said == [f"b finds nothing that speaks for {CLASS}.", "c gave no answer."]


@pytest.mark.parametrize(("above", "told"), [(0.05, False), (0.15, True)])
def test_the_empty_image_counts_from_its_margin_above_chance(above: float, told: bool) -> None:
    chance = 1 / len(SPEC.classes)
    said = lines(cell("a", blob(0.5, 0.5), empty=chance + above))
    assert [f"itself taken for {CLASS}" in each for each in said] == ([True] if told else [])


def test_a_method_that_has_not_answered_yet_is_not_counted() -> None:
    found = compared([cell("a", blob(0.5, 0.5)), cell("b", blob(0.5, 0.5)), MethodCell("c")])
    assert verdict(found, found.records[0], CLASS).sentences() == [
        "a and b agree on where: in the middle."
    ]


def test_several_images_are_counted() -> None:
    agreed = [cell("a", blob(0.8, 0.8)), cell("b", blob(0.8, 0.8), r2=0.9)]
    poor = [cell("a", blob(0.8, 0.8)), cell("b", blob(0.8, 0.8), r2=0.1)]
    apart = [cell("a", blob(0.8, 0.8)), cell("b", blob(0.2, 0.2))]
    assert verdict_lines(compared(agreed, poor, apart)) == [
        "More than half of the methods agree on where on 1 of 2 images.",
        "A poor fit: b on 1 of 3 images.",
    ]


def test_a_comparison_of_an_older_version_has_no_peaks() -> None:
    found = compared([cell("a", blob(0.8, 0.8)), cell("b", blob(0.8, 0.8), r2=0.1)])
    kept = found.records[0].model_dump(mode="json")
    for each in kept["outcomes"]:
        del each["peak"], each["empty"]
    old = ImageRecord.model_validate(kept)
    assert verdict(found, old, CLASS).sentences() == ["b does not fit here (R² 0.10)."]
