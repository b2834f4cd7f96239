"""`interp fit`, `merge` and `survey`: what is learned, by flags, in parts, and used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interp.knowledge import Knowledge

FLAGS = ("--plugin", "chip", "--model", "toy")


@pytest.fixture
def data(tmp_path):
    """Four noise images of each class in a folder of its own, and one that is no image."""
    random = np.random.default_rng(0)
    for name in ("ant", "bee", "cat"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            coarse = random.integers(0, 256, (8, 8, 3), np.uint8)
            image = Image.fromarray(coarse.repeat(5, 0).repeat(5, 1))
            image.save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data" / "bee" / "torn.png").write_bytes(b"no image")
    return "data"


@pytest.fixture
def fit(interp, data):
    """`interp fit` of CHIP on the toy model."""

    def call(out, *words):
        options = ("--masks", 200, "--correct", "false", "--layer", "conv2", *words)
        return interp("fit", *FLAGS, "--data", data, "--out", out, *options)

    return call


def test_fit_then_run(interp, fit, picture):
    answer = fit("known", "--layer", "conv1", "--json")
    facts = answer.json
    assert facts["knowledge"] == "known" and facts["method"] == "chip"
    assert list(facts["layers"]) == ["conv2", "conv1"]
    assert facts["layers"]["conv2"]["networks"] == 200 * 12
    assert "1 unreadable image was left out" in facts["notes"][0]
    assert "torn.png" in facts["notes"][0]
    run = interp(
        *("run", *FLAGS, "--image", picture, "--knowledge", "known", "--refined", "--json"),
        *("--target", "ant", "--target", "bee"),
    )
    assert run.code == 0
    names = [each.rpartition("/")[2] for each in run.json["pictures"]]
    assert any("refined" in each for each in names) and any("map-conv1" in each for each in names)


def test_fit_says_how_well(fit):
    lines = fit("known").out.splitlines()
    assert lines[0].split()[:4] == ["layer", "networks", "masks", "images"]
    assert lines[1].split()[:4] == ["conv2", "2400", "200", "12"]
    assert lines[-1] == "knowledge: known"
    assert not {"[]", "None"} & set(" ".join(lines).split())


def test_resume_is_accepted(fit):
    assert fit("known", "--resume").code == 0


def test_parts_merge(interp, fit):
    whole, first, second = (
        fit("whole"),
        fit("a", "--shard", "0/2"),
        fit("b", "--shard", "1/2"),
    )
    assert whole.code == first.code == second.code == 0
    answer = interp("merge", "a", "b", "--out", "both")
    assert answer.code == 0 and "knowledge: both" in answer.out
    found, expected = (
        Knowledge.open(each).arrays["conv2/weights"] for each in map(Path, ("both", "whole"))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    missing = interp("merge", "a", "--out", "c")
    assert missing.code == 2 and "found 0/2; expected each of 0/n" in missing.err


def test_survey(interp, fit, data):
    fit("known")
    answer = interp(
        "survey", *FLAGS, "--data", data, "--knowledge", "known", "--out", "seen", "--json"
    )
    assert answer.code == 0 and "torn.png" in answer.json["notes"][-1]
    assert len(answer.json["pictures"]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layr", "conv1"), "did you mean '--layer'"),
        (("--shard", "2/2"), "--shard 2/2: expected part/parts"),
        (("--until", "stable", "--shard", "0/2"), "leave out --until"),
        (("--masks", "many"), "masks = [200, 'many']"),
        (("--layer", "conv9"), "no layer 'conv9'"),
        (("stray",), "found 'stray' where an option was expected"),
    ],
)
def test_mistakes_are_one_line(fit, words, said):
    answer = fit("known", *words)
    assert answer.code == 2 and said in answer.err
    assert answer.err.count("\n") == 1
    assert not Path("known").exists()


def test_a_method_that_learns_nothing_says_so(interp, example, data):
    words = ("--plugin", "occlude-grid", "--model", "toy", "--registry", example, "--data", data)
    answer = interp("fit", *words, "--out", "known")
    assert answer.code == 2 and "occlude-grid has nothing to learn" in answer.err
    answer = interp("survey", *words)
    assert answer.code == 2 and "occlude-grid has no class-level view" in answer.err
