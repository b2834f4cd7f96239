"""Addresses: what is chosen comes back, slips are told, and no address ends in a crash."""

from __future__ import annotations

import json
from random import Random
from urllib.parse import parse_qsl, urlencode

import pytest
from robustness.damage import ODD

from interp.registry import Registry
from interp.request import Choice
from interp_dashboard.link import Selection, from_query, to_query

SHARE, ALL = 12, 200
"""Mutated addresses that are opened in the default run, and at length."""
LINK = [
    *(("model", "creatures-resnet"), ("image", "sample"), ("target", "fenka")),
    *(("method", "centre"), ("method", "rise"), ("set", "rise.samples=300")),
]


@pytest.fixture(scope="module")
def known():
    return Registry.load()


def test_a_choice_comes_back(known):
    chosen = Selection(
        model="creatures-resnet",
        images=("sample", "two"),
        targets=("3, not 5",),
        methods=(
            Choice(name="mint", params={"regions": 2, "deep": "stage3"}),
            Choice(name="rise", params={"samples": 9, "above_mean": True}),
        ),
    )
    assert from_query(to_query(chosen), known) == (chosen, ())


def test_an_address_that_says_nothing_has_the_defaults(known):
    assert from_query({}, known) == (Selection(), ())


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"set": ["regions=2"]}, "expected METHOD.KEY=VALUE"),
        ({"set": ["mint.regions"]}, "expected METHOD.KEY=VALUE"),
        ({"set": ["mint.regions=[2"]}, "not a value"),
        ({"set": ["mint.regions=two"]}, "regions"),
        ({"set": ["lime.samples=3"]}, "not chosen"),
        ({"method": ["mint", "mnit"]}, "'mnit'"),
        ({"metod": ["mint"]}, "metod"),
    ],
)
def test_a_slip_is_told_and_the_rest_stands(known, query, word):
    found, told = from_query({"image": ["sample"], "method": ["mint"], **query}, known)
    assert len(told) == 1 and word in told[0]
    assert found.images == ("sample",)
    assert [each.name for each in found.methods] == ["mint"]


def test_a_value_of_another_type_is_read_as_the_method_reads_it(known):
    query = {"method": ["rise"], "set": ['rise.samples="300"']}
    (chosen,) = from_query(query, known)[0].methods
    assert chosen.params == {"samples": 300}


def test_an_address_holds_no_yaml(known):
    """Aliases would make a few bytes into gigabytes."""
    query = {"method": ["mint"], "set": ["mint.deep=*a", "mint.regions=3"]}
    (chosen,) = from_query(query, known)[0].methods
    assert chosen.params == {"deep": "*a", "regions": 3}
    _, told = from_query({"set": ["rise.samples=" + "[" * 5000]}, known)
    assert "not a value" in told[0]


def test_an_unknown_image_is_told(visit):
    visitor = visit("compare", image=["sample", "no-such"], method=["centre"])
    assert visitor.errors == []
    assert any("no-such" in each for each in visitor.warnings)
    assert visitor.page.multiselect[0].value == ["sample"]


def mutated(random: Random) -> dict[str, list[str]]:
    """The query of a good address, in which a few parts were changed, lost, doubled or added."""
    pairs = list(LINK)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(pairs)) if pairs else 0
        way = random.choice(("odd", "odd", "value", "bytes", "lose", "double", "key", "number"))
        odd = random.choice(ODD)
        word = odd if isinstance(odd, str) else json.dumps(odd)
        if way == "lose" and pairs:
            del pairs[at]
        elif way == "double" and pairs:
            pairs += [pairs[at]] * random.choice((1, 50))
        elif way == "key" and pairs:
            pairs[at] = (word[:20], pairs[at][1])
        elif way == "bytes" and pairs:
            text = list(pairs[at][1])
            text.insert(random.randrange(len(text) + 1), chr(random.randrange(1, 0x3000)))
            pairs[at] = (pairs[at][0], "".join(text))
        elif way == "value":
            key = random.choice(("samples", "cells", "keep_probability", "fill", "nothing"))
            pairs.append(("set", f"rise.{key}={word}"))
        elif way == "number":
            pairs.append(("target", random.choice(("9" * 5000, "-1", "1e3", "²", "not", ", not "))))
        elif pairs:
            pairs[at] = (pairs[at][0], word)
    found: dict[str, list[str]] = {}
    sent = urlencode(pairs, encoding="utf-8", errors="replace")
    for key, value in parse_qsl(sent, keep_blank_values=True):
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize(
    "seeds", [range(SHARE), pytest.param(range(SHARE, ALL), marks=pytest.mark.slow)]
)
def test_no_address_ends_in_a_crash(visit, seeds):
    for seed in seeds:
        query = mutated(Random(seed))
        visitor = visit("compare", **query)
        mistakes = [each for each in visitor.errors if "mistake of the dashboard" in each]
        assert not list(visitor.page.exception) and not mistakes, (seed, query, visitor.errors)
        assert any(each.label == "Run" for each in visitor.page.button), (seed, query)
