"""Values typed on the command line."""

from __future__ import annotations

import pytest

from interp.cli.parse import budget, input_fields, settings
from interp.errors import InputError


@pytest.mark.parametrize(
    ("text", "samples", "seconds"),
    [("2000", 2000, None), ("30s", None, 30), ("1.5m", None, 90), ("1h", None, 3600)],
)
def test_budget(text, samples, seconds):
    found = budget(text, None)
    assert (found.samples, found.seconds, found.batch_size) == (samples, seconds, None)


@pytest.mark.parametrize("text", ["", "many", "-3", "0", "0s", "2.5", "3d", "1e3"])
def test_no_budget(text):
    with pytest.raises(InputError, match="expected samples"):
        budget(text, None)


def test_settings_are_yaml():
    typed = ["a=1", "b=0.5", "c=true", "d=[1, 2]", "e=text", "f=null", "g=x=y", "h="]
    assert settings(typed) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": [1, 2],
        "e": "text",
        "f": None,
        "g": "x=y",
        "h": None,
    }


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("size=224", {"size": [224, 224]}),
        ("size=112x96", {"size": [112, 96]}),
        ("size=112,96", {"size": [112, 96]}),
        ("mean=.5,.4,.3,order=BGR", {"mean": [0.5, 0.4, 0.3], "order": "BGR"}),
        ("std=1, 2, 3,resize=crop,crop=.9", {"std": [1, 2, 3], "resize": "crop", "crop": 0.9}),
    ],
)
def test_input_fields(text, fields):
    assert input_fields(text) == fields


@pytest.mark.parametrize(
    "text", ["224", "size=", "size=1,2,3", "mean=a", "order=GBR", "crop=2", "=3", "sice=3"]
)
def test_bad_input_fields(text):
    with pytest.raises(InputError, match="--input"):
        input_fields(text)
