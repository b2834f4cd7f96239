"""`interp evaluate`: the table, JSON, resuming, shards, ONNX, a third party's method, mistakes."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
import torch
from support.registered import registered

from interp.dataset import Dataset, Example, Instance, Part, write_coco
from interp.evaluation.folder import open_evaluation

METRICS = registered("metric", "interp_standard")

MEASURED = set(METRICS) - {"randomization"}
"""The toy model adopts no other module."""


class Squares(Dataset):
    """A bright square on noise, with box, mask and the part that tells the class."""

    classes = ("ant", "bee", "cat")
    fingerprint = "squares"

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng(index).integers(0, 90, (32, 32, 3), np.uint8)
        mask = np.zeros((32, 32), bool)
        mask[8:20, 4 + 2 * index : 16 + 2 * index] = True
        image[mask] = (230, 60, 40)
        head = mask.copy()
        head[14:] = False
        label = index % 3
        parts = (Part("head", (10.0, 11.0), head, True), Part("body", (10.0, 16.0), mask & ~head))
        box = (4.0 + 2 * index, 8.0, 16.0 + 2 * index, 20.0)
        return Example(f"s{index}", image, label, (Instance(label, box, mask, parts),))


@pytest.fixture
def evaluate(interp, tmp_path):
    """`interp evaluate` of the toy model on four squares in a COCO folder."""
    write_coco(Squares(), tmp_path / "data")

    def call(*words: object):
        small = ("--data", "data", "--budget", "40", "--batch-size", "20")
        return interp("evaluate", "--model", "toy", *small, *words)

    return call


def test_every_metric_in_a_table(evaluate, tmp_path):
    answer = evaluate("--plugins", "occlusion,rise", "--out", "out")
    assert answer.code == 0
    assert "4 images x 5 methods: about" in answer.err
    assert "(randomization; not in its mean): this call needs MODULE" in answer.out
    for name in MEASURED:
        arrow = "↑" if METRICS[name].higher_is_better else "↓"
        assert f"{name} {arrow}" in answer.out
    methods = [line.split()[0] for line in answer.out.splitlines() if "[" in line[2:]]
    assert ["occlusion", "rise", "random", "centre", "edges"] in [
        methods[at : at + 5] for at in range(len(methods))
    ]
    assert answer.out.count("*") - 2 >= len(MEASURED)  # without those of the first line
    assert "see no model: random, centre, edges" in answer.out
    names = {each.name for each in (tmp_path / "out").iterdir()}
    tables = {"manifest.json", "results.json", "table.csv", "table.md", "plot.png"}
    assert names == tables | {"report.html"}
    assert "Best, or not to be told from the best" in answer.out
    assert "ranks that each may have" in answer.out
    assert "4 images are few" in answer.out
    failed = answer.out[answer.out.index("\nfailed\n") :]
    assert "occlusion" in failed and "randomization on" in failed
    page = (tmp_path / "out/report.html").read_text()
    assert "Where methods failed" in page and "this call needs MODULE" in page
    open_evaluation(tmp_path / "out")  # the manifest covers the report
    with (tmp_path / "out" / "table.csv").open() as file:
        found = {(row["metric"], row["method"]) for row in csv.DictReader(file)}
    assert ("energy-parts", "rise") in found and {each for each, _ in found} == MEASURED


def test_images_that_fail_for_one_reason_share_a_line(evaluate):
    answer = evaluate("--plugins", "occlusion", "--metrics", "randomization")
    (line,) = [each for each in answer.out.splitlines() if each.startswith("  occlusion  rand")]
    assert re.match(r"  occlusion  randomization on s\d, s\d, s\d and s\d: ", line)
    assert "needs MODULE" in line


def test_json_is_alone_on_stdout(evaluate):
    answer = evaluate(
        *("--plugins", "occlusion", "--metrics", "deletion,pointing", "--no-baselines", "--json"),
        *("--limit", 2, "--set", "occlusion.window=0.5", "--metric-set", "deletion.steps=3"),
    )
    facts = answer.json
    assert set(facts["table"]) == {"deletion", "pointing"}
    cell = facts["table"]["deletion"]["occlusion"]
    assert cell["low"] <= cell["value"] <= cell["high"] and cell["images"] == 2
    assert facts["metrics"]["deletion"]["params"]["steps"] == 3
    assert facts["request"]["methods"][0]["params"] == {"window": 0.5}
    assert list(facts["table"]["deletion"]) == ["occlusion"]
    assert facts["ranks"]["deletion"] == {"occlusion": [1, 1]}
    assert facts["verdict"] and facts["failures"] == []
    assert "about" in answer.err


def test_two_shards_merged(evaluate, interp):
    words = ("--plugins", "occlusion", "--metrics", "deletion", "--json")
    for part in (0, 1):
        assert evaluate(*words, "--shard", f"{part}/2", "--out", f"part{part}").code == 0
    merged = interp("merge", "part0", "part1", "--out", "whole", "--json").json
    whole = evaluate(*words, "--out", "alone").json
    assert merged["evaluation"] == "whole"
    assert merged["table"] == whole["table"] and merged["request"]["shard"] is None
    lines = interp("merge", "part0", "part1", "--out", "again").out
    assert "deletion ↓" in lines and "evaluation: again" in lines


def test_resume_needs_a_folder_and_goes_on(evaluate):
    words = ("--plugins", "occlusion", "--metrics", "deletion")
    assert "--resume goes on with a run of yours" in evaluate(*words, "--resume").err
    assert evaluate(*words, "--resume", "--out", "out").code == 0


def test_a_third_partys_method(evaluate, example):
    answer = evaluate(
        *("--registry", example, "--plugins", "occlude-grid", "--metrics", "deletion,energy-mask"),
        *("--set", "occlude-grid.cells=4", "--json"),
    )
    assert answer.json["table"]["energy-mask"]["occlude-grid"]["images"] == 4


def test_an_onnx_model_is_refused_what_it_lacks_and_measured_by_the_rest(evaluate, tmp_path):
    from interp.spec import ModelOptions
    from interp_torch.opening import open_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)]
        module = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(4, 3)).eval()
    given = ModelOptions(device="cpu", input={"size": (32, 32)})
    open_model(module, given).export(tmp_path / "net.onnx")
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\n")
    answer = evaluate(
        *("--plugins", "occlusion,integrated-gradients,deeplift", "--model", "net.onnx"),
        *("--metrics", "deletion,road,randomization", "--classes", "names.txt", "--json"),
        *("--input", "size=32", "--device", "cpu"),
    )
    facts = answer.json
    assert set(facts["refused"]) == {"deeplift", "randomization"}
    assert "needs MODULE" in facts["refused"]["randomization"]
    for method in ("occlusion", "integrated-gradients"):
        assert facts["table"]["road"][method]["images"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--plugins", "occlusio"), "did you mean 'occlusion'"),
        (("--metrics", "deletions"), "did you mean 'deletion'"),
        (("--plugins", "occlusion", "--set", "occlusion.size=3,4"), "occlusion has no parameter"),
        (("--plugins", "occlusion", "--set", "stride=3"), "NAME.KEY=VALUE"),
        (("--plugins", "occlusion", "--set", "rise.samples=3"), "not among the names given"),
        (("--metrics", "deletion", "--metric-set", "road.noise=0"), "not among the names given"),
        (("--metric-set", "deletion.steps=one"), "deletion: steps = 'one'"),
        (("--data", "nowhere"), "no folder nowhere"),
        (("--shard", "2/2"), "--shard 2/2"),
        (("--knowledge", "mint=known"), "found no manifest.json"),
        (("--target", "best"), "best"),
    ],
)
def test_mistakes_are_one_line(evaluate, words, said, tmp_path):
    before = set(tmp_path.iterdir())
    answer = evaluate(*words)
    assert answer.code == 2 and answer.out == ""
    assert len(answer.err.splitlines()) == 1 and said in answer.err
    assert set(tmp_path.iterdir()) == before


def test_help_teaches(interp):
    text = interp("evaluate", "--help").out
    assert "interp evaluate --limit 10" in text and "--resume" in text
    assert "NAME.KEY" not in text and "METHOD.KEY=VALUE" in text


def test_what_a_metric_asks_is_shown(interp):
    text = interp("show", "deletion").out
    assert "steps=28" in text and "--metric-set deletion.KEY=VALUE" in text
    assert json.loads(interp("show", "road", "--json").out)["parameters"][0]["name"] == "images"
