"""Parameters in plain words, for listings and forms."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from interp.errors import InputError
from interp.opening.named import open_method
from interp.params import Params
from interp.registry import Registry
from interp.registry.parameter import parameters
from interp.spec import Capability


class Sample(Params):
    count: int = Field(5, ge=1, le=9, description="how many")
    share: float | None = Field(None, gt=0, lt=1, description="a part")
    mode: Literal["a", "b"] = Field("a", description="which")
    only: Literal["x"] = Field("x", description="one choice")
    need: Capability = Field(Capability.CUT, description="an enum")
    sizes: tuple[int, ...] = Field((3, 5), description="a list")
    loud: bool = Field(False, description="a flag")


FOUND = {each.name: each for each in parameters(Sample)}


def test_order_and_descriptions():
    assert list(FOUND) == list(Sample.model_fields)
    assert FOUND["count"].description == "how many"


def test_types_and_bounds():
    assert (FOUND["count"].type, FOUND["count"].bounds) == ("integer", ">= 1, <= 9")
    assert (FOUND["share"].type, FOUND["share"].bounds) == ("number or none", "> 0, < 1")
    assert FOUND["sizes"].type == "array"
    assert FOUND["loud"].type == "boolean"


def test_choices():
    assert FOUND["mode"].choices == ("a", "b")
    assert FOUND["mode"].type == "a | b"
    assert FOUND["only"].choices == ("x",)
    assert "gradients" in FOUND["need"].choices


def test_defaults_are_plain():
    assert [FOUND[name].default for name in ("count", "share", "need", "sizes")] == [
        5,
        None,
        "cut",
        [3, 5],
    ]


def test_no_parameters():
    assert parameters(Params) == []


KINDS = ("method", "metric", "perturbation", "weighting", "solver", "readout")


@pytest.mark.parametrize("kind", KINDS)
def test_no_parameter_takes_a_number_beyond_all_meaning(kind):
    registry = Registry.load()
    for entry in registry.entries(kind):
        params = registry.get(kind, entry.name).Params
        for each in parameters(params):
            if set(each.type.split(" or ")) <= {"integer", "number", "none"}:
                for value in (10**31, -1e308, 1e-308, float("inf"), float("nan")):
                    with pytest.raises(InputError):
                        params(**{each.name: value})


def test_a_wrong_parameter_is_one_short_line():
    for value in ("x" * 10_000, [1] * 10_000, 10**4000, 10**5000):
        with pytest.raises(InputError) as told:
            open_method(Registry.load(), "rise", {"samples": value})
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 400
