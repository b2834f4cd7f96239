"""`interp measure`: measures of a model, by name."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    for name, value in (("ant", 10), ("bee", 30)):
        place = tmp_path / "data" / name
        place.mkdir(parents=True)
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(place / "one.png")
    return tmp_path / "data"


def test_a_measure_is_printed_with_its_interval(interp, folder):
    told = interp("measure", "brightness", "--data", folder, "--model", "toy")
    assert told.code == 0, told.err
    assert told.out.strip() == "brightness 20 [19, 21] of 255; more is better"


def test_a_measure_s_parameters_and_json(interp, folder):
    words = ("--data", folder, "--model", "toy", "--set", "times=2", "--json")
    found = interp("measure", "brightness", *words).json
    assert (found["metric"], found["value"], found["count"]) == ("brightness", 40, 2)


def test_some_of_the_images_are_measured_and_what_was_left_out_is_told(interp, folder):
    table = folder / "rows.csv"
    table.write_text("path,label\nant/one.png,ant\nbee/one.png,bee\n,bee\n")
    words = ("measure", "brightness", "--data", table, "--model", "toy")
    found = interp(*words, "--limit", "1", "--json").json
    assert found["count"] == 1 and found["value"] in (10, 30)
    assert interp(*words, "--limit", "5", "--json").json["count"] == 2
    assert "1 rows without a path were left out" in found["notes"]
    assert "note: 1 rows without a path were left out" in interp(*words).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("measure", "deletion", "--data", "."), "run interp evaluate --metrics deletion"),
        (("measure", "brightnes", "--data", "."), "brightness"),
        (("measure", "brightness", "--data", "nowhere"), "found no folder nowhere"),
        (("measure", "brightness", "--data", ".", "--set", "time=2"), "no parameter 'time'"),
        (("evaluate", "--metrics", "brightness"), "run interp measure brightness"),
    ],
)
def test_slips(interp, words, message):
    told = interp(*words)
    assert told.code == 2 and message in " ".join(told.err.split())


def test_show_says_how_to_set_its_parameters(interp):
    assert (
        "each set by interp measure brightness --set KEY=VALUE" in interp("show", "brightness").out
    )
    assert "--metric-set deletion.KEY=VALUE" in interp("show", "deletion").out


def test_data_is_a_registered_name_too_and_creatures_by_default(interp, monkeypatch):
    """As `interp evaluate` takes it."""
    from interp.dataset import ImageArrays
    from interp.evaluation import measure

    asked = []

    def opened(registry, name, count):
        asked.append(name)
        return ImageArrays([np.full((8, 8, 3), 7, np.uint8)], ["one"])

    monkeypatch.setattr(measure, "open_data", opened)
    for words in ((), ("--data", "noise")):
        told = interp("measure", "brightness", "--model", "toy", *words)
        assert told.out.startswith("brightness 7")
    assert asked == ["creatures", "noise"]
