"""Models as people have them: each is opened, read, explained and compared, or refused as named."""

from __future__ import annotations

import pytest
from models_page import MODELS, table
from reference import written

from zoo.cells import PASSES, try_all
from zoo.record import read
from zoo.specimen import COLUMNS, Specimen
from zoo.table import ZOO

PACKAGES = ("timm", "transformers", "torchvision")


def rows(always: bool) -> list[Specimen]:
    return [each for each in ZOO if each.always == always]


def test_the_zoo_is_large_and_has_no_name_twice() -> None:
    assert len({each.name for each in ZOO}) == len(ZOO) >= 60
    assert all(set(each.refusals) <= set(COLUMNS) for each in ZOO)


@pytest.mark.parametrize("specimen", rows(always=True), ids=lambda each: each.name)
def test_a_few(specimen: Specimen) -> None:
    check(specimen)


@pytest.mark.slow
@pytest.mark.parametrize("specimen", rows(always=False), ids=lambda each: each.name)
def test_all_others(specimen: Specimen) -> None:
    check(specimen)


def check(specimen: Specimen) -> None:
    """Every cell passes, or is the refusal that the table names."""
    if specimen.kind in PACKAGES:
        pytest.importorskip(specimen.kind)
    agrees(specimen, try_all(specimen))


def agrees(specimen: Specimen, found: dict[str, str]) -> None:
    """Raise AssertionError where a cell is not as the table says."""
    for column in COLUMNS:
        expected = specimen.refusals.get(column, PASSES)
        assert found[column].startswith(expected), f"{column}: {found[column]}"


def test_what_was_recorded_is_what_the_table_says() -> None:
    found = read()
    assert list(found) == [each.name for each in ZOO], "run python -m zoo.record"
    for each in ZOO:
        agrees(each, found[each.name])


def test_the_page_of_models_is_up_to_date() -> None:
    text = MODELS.read_text("utf-8")
    assert written(text, table()) == text, "run python docs/models_page.py"


def test_a_wrong_answer_is_found() -> None:
    """A model whose twin has other weights fails in predict."""
    from dataclasses import replace

    from support.networks import seeded

    from zoo.module import Net

    own = next(each for each in ZOO if each.name == "double")

    def other(folder):
        return replace(own.make(folder), module=seeded(Net, 5))

    with pytest.raises(AssertionError, match="scores are"):
        try_all(replace(own, make=other))
