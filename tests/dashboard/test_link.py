"""Addresses: what is chosen comes back, and slips are told."""

from __future__ import annotations

import pytest

from interp.errors import InputError
from interp.request import Choice
from interp_dashboard.link import Selection, from_query, to_query


def test_a_choice_comes_back():
    chosen = Selection(
        model="creatures-resnet",
        images=("sample", "two"),
        targets=("3, not 5",),
        methods=(
            Choice(name="mint", params={"regions": 2, "deep": "stage3", "sure": 0.8}),
            Choice(name="chip", params={"layer": ["a", "b"]}),
        ),
    )
    assert from_query(to_query(chosen)) == chosen


def test_an_address_that_says_nothing_has_the_defaults():
    assert from_query({}) == Selection()


@pytest.mark.parametrize("said", ["regions=2", "mint.regions", "mint.regions=[2"])
def test_a_slip_is_told(said):
    with pytest.raises(InputError):
        from_query({"set": [said]})


def test_an_address_holds_no_yaml():
    """Aliases would make a few bytes into gigabytes."""
    (chosen,) = from_query({"method": ["rise"], "set": ["rise.fill=*a", "rise.samples=9"]}).methods
    assert chosen.params == {"fill": "*a", "samples": 9}
    with pytest.raises(InputError, match="not a value"):
        from_query({"set": ["rise.samples=" + "[" * 5000]})
