"""The search for better parameters, and the honest measure of what it gains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interp.cli import main
from interp.errors import InputError
from interp.metric import Measurement
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import Choice
from interp.session import Session
from interp.suggestion.tune import TuneRequest, Tuning, tune

REGISTRY = Registry.load()
NAMED = [each for each in REGISTRY.entries("method") if isinstance(each, MethodEntry) and each.tune]


def wanted(**changes: object) -> TuneRequest:
    given = {"method": Choice(name="gradcam"), "metric": Choice(name="energy-mask"), "limit": 10}
    return TuneRequest(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", NAMED, ids=lambda each: each.name)
def test_every_value_a_method_names_is_one_of_its_own(entry: MethodEntry) -> None:
    for key, values in entry.tune.items():
        assert len(values) > 1
        for value in values:
            open_method(REGISTRY, entry.name, {key: value})


def test_a_planted_gain_is_found_and_measured_on_other_images(tmp_path: Path) -> None:
    """A window that hides the whole image tells nothing of where the object is."""
    request = wanted(
        method=Choice(name="occlusion", params={"window": 1.0, "stride": 1.0}),
        values={"window": (1, 0.25)},
    )
    found = tune(request, Session(REGISTRY), out=tmp_path / "out")
    assert found.best == {"window": 0.25, "stride": 1.0} and found.gained
    assert len(found.settings) == 2, "1 is 1.0, which is not tried twice"
    folders = {half: tmp_path / "out" / half for half in ("00", "confirm-best")}
    seen = {
        half: {
            each["position"] for each in json.loads((at / "results.json").read_text())["records"]
        }
        for half, at in folders.items()
    }
    assert len(seen["00"]) == len(seen["confirm-best"]) == 5
    assert not seen["00"] & seen["confirm-best"]
    assert found.gain is not None and found.gain.count == 5


def test_a_finished_search_is_read_again_and_another_one_is_refused(tmp_path: Path) -> None:
    request = wanted(values={"positive": (True,)})
    first = tune(request, Session(REGISTRY), out=tmp_path / "out")
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*/results.json")}
    again = tune(request, Session(REGISTRY), out=tmp_path / "out")
    assert again.plain() == first.plain()
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*/results.json")}
    with pytest.raises(InputError, match="holds something else"):
        tune(wanted(values={"output": ("prob",)}), Session(REGISTRY), out=tmp_path / "out")


def test_a_setting_that_is_the_default_gains_nothing() -> None:
    found = tune(wanted(values={"output": ("logit",)}), Session(REGISTRY))
    assert found.gain is None and not found.gained and len(found.settings) == 1
    assert "nothing is gained" in str(found)


@pytest.mark.parametrize(
    ("higher", "low", "high", "gained"),
    [
        (True, 0.1, 0.2, True),
        (True, -0.1, 0.2, False),
        (False, -0.2, -0.1, True),
        (False, 0.1, 0.2, False),
        (False, -0.1, 0.2, False),
    ],
)
def test_a_gain_is_an_interval_beyond_zero(
    higher: bool, low: float, high: float, gained: bool
) -> None:
    gain = Measurement((low + high) / 2, "share", higher, low, high, 20)
    found = Tuning(wanted(), (), {"positive": True}, gain)
    assert found.gained is gained
    assert ("nothing is gained" in str(found)) is not gained


def test_slips_are_told_before_any_work() -> None:
    for changes, words in (
        ({"values": {"layrs": (1, 2)}}, "did you mean 'layers'"),
        ({"values": {"positive": ("perhaps",)}}, "positive = 'perhaps'"),
        ({"method": Choice(name="guided-backprop")}, "names no parameter to tune"),
        ({"metric": Choice(name="csg-accuracy")}, "measures a model"),
    ):
        with pytest.raises(InputError, match=words):
            tune(wanted(**changes), Session(REGISTRY, object()))


def test_on_the_command_line(tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    words = ["tune", "gradcam", "--try", "positive=true,false", "--limit", "10"]
    assert main([*words, "--metric", "energy-mask", "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["said"] == json.loads((out / "tuning.json").read_text())["said"]
    assert [each["params"] for each in facts["settings"]] == [{}, {"positive": True}]
    assert main(["tune", "gradcam", "--try", "positive"]) == 2
    assert "--try" in capsys.readouterr().err
