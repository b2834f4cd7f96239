"""Bundles and knowledge: what is written is what is read, and half-written is never seen."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from interp.errors import InputError
from interp.evidence import (
    KINDS,
    ChannelImportance,
    Concepts,
    Curve,
    Evidence,
    Gallery,
    Heatmap,
    Matrix,
    Outline,
    PartMaps,
    Pathway,
    Regions,
    Table,
    Tile,
)
from interp.explanation import Explanation, Prediction, Provenance
from interp.knowledge import Knowledge, probe
from interp.request import Request
from interp.result.bundle import open_bundle, save_bundle
from interp.storage.folder import seal
from interp.testing.toy import ToyModel

IMAGE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
LABELS = np.repeat([[0, 0, 1, 1, 2, 2, 2, -1]], 6, 0).astype(np.int32)

EVIDENCE: list[Evidence] = [
    Heatmap(name="map", target="ant", image=0, values=np.random.default_rng(0).normal(size=(6, 8))),
    Regions(
        name="parts",
        image=0,
        labels=LABELS,
        importance=np.array([0.5, -0.2, 0.0]),
        selected=np.array([True, False, False]),
        r2=0.7,
    ),
    ChannelImportance(name="channels", layer="conv1", values=np.array([1.0, 2.0])),
    Pathway(name="path", states=np.array([1, 0, 1.0]), layers={"a": 2, "b": 1}),
    PartMaps(name="filters", maps=np.ones((2, 6, 8)), peaks=np.zeros((2, 2)), filters=[3, 5]),
    Matrix(name="matrix", values=np.eye(2), rows=["a", "b"], columns=["c", "d"]),
    Gallery(name="gallery", pictures=np.zeros((1, 4, 4, 3), np.uint8), captions=["x"]),
    Table(name="table", columns=["a", "b"], rows=[["x", 1.5]]),
    Curve(name="curve", x=np.arange(3.0), values=np.ones((1, 3)), series=["s"]),
    Tile(name="tile", values=np.array([[0.5, -1.0]])),
    Outline(name="outline", target="ant", image=0, box=np.array([1.0, 1, 5, 4]), mask=LABELS == 0),
    Concepts(
        name="concepts",
        maps=np.ones((2, 6, 8)),
        importance=np.array([0.5, 0.1]),
        names=["head", "tail"],
        standard_error=np.array([0.1, 0.2]),
    ),
]


def explanation() -> Explanation:
    made = Provenance(
        method="toy-method",
        model=ToyModel().spec,
        targets=("ant",),
        params={"cells": 4},
        predictions=(Prediction(("ant", "bee"), (0, 1), (0.9, 0.1)),),
        image_names=("a.png",),
    )
    scores = {"ant": {"r2": 0.7}}
    return Explanation(tuple(EVIDENCE), 300, scores, ("a note",), (IMAGE,), made)


def test_every_kind_is_listed_here() -> None:
    assert {each.kind for each in EVIDENCE} == {k for k, v in KINDS.items() if "interp." in str(v)}


def test_what_is_saved_is_what_is_opened(tmp_path: Path) -> None:
    request = Request(method="toy-method", params={"cells": 4})
    folder = save_bundle(tmp_path / "run", request, explanation(), {"map.png": IMAGE})
    opened_request, opened = open_bundle(folder)
    assert opened_request == request
    for before, after in zip(EVIDENCE, opened.evidence, strict=True):
        assert type(before) is type(after) and before.plain() == after.plain()
        for name, values in before.arrays().items():
            assert np.array_equal(values, after.arrays()[name])
            assert values.dtype == after.arrays()[name].dtype
    assert opened.provenance == explanation().provenance
    assert (opened.samples, opened.scores, opened.notes) == (300, {"ant": {"r2": 0.7}}, ("a note",))
    assert np.array_equal(opened.images[0], IMAGE)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"map.png", "request.json", "arrays.safetensors"} <= set(manifest["files"])
    assert "torch" in manifest["versions"]


def test_a_failure_while_saving_leaves_nothing(tmp_path: Path) -> None:
    bad = {"map.png": np.zeros((2, 2, 7), np.float64)}
    with pytest.raises((TypeError, ValueError, KeyError)):
        save_bundle(tmp_path / "run", Request(method="m"), explanation(), bad)
    assert list(tmp_path.iterdir()) == []


def test_a_used_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        save_bundle(tmp_path, Request(method="m"), explanation(), {})
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"not a folder|not empty"):
        save_bundle(tmp_path / "file" / "run", Request(method="m"), explanation(), {})


def test_an_altered_or_foreign_folder_is_refused(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "run", Request(method="m"), explanation(), {})
    (folder / "request.json").write_text("{}")
    with pytest.raises(InputError, match="altered"):
        open_bundle(folder)
    with pytest.raises(InputError, match=r"no manifest\.json"):
        open_bundle(tmp_path)


def test_evidence_on_an_image_that_is_gone_is_refused(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "run", Request(method="m"), explanation(), {})
    for each in folder.glob("image-*.png"):
        each.unlink()
    (folder / "manifest.json").unlink()
    seal(folder, {"kind": "explanation"})
    with pytest.raises(InputError, match=r"run: found evidence on image 0, expected one of the 0"):
        open_bundle(folder)


def test_knowledge_that_a_method_cannot_read_is_damaged() -> None:
    found = Knowledge("chip", "f", np.zeros(3), {}, {"layers": [[0]]})
    with pytest.raises(InputError, match="what chip learned is damaged"), found.as_saved():
        found.about["layers"].items()


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    folder = save_bundle(tmp_path / "run", Request(method="m"), explanation(), {})
    os.mkfifo(folder / "more")
    with pytest.raises(InputError, match="more is no regular file"):
        open_bundle(folder)


@pytest.mark.parametrize(
    "bad",
    [
        replace(EVIDENCE[0], values=np.full((2, 2), np.nan)),
        replace(EVIDENCE[0], values=np.zeros((2, 2, 2))),
        replace(EVIDENCE[1], labels=LABELS + 1),
        replace(EVIDENCE[1], selected=np.array([True])),
        replace(EVIDENCE[3], layers={"a": 1}),
        replace(EVIDENCE[5], rows=["a"]),
        replace(EVIDENCE[6], captions=[]),
        replace(EVIDENCE[7], rows=[[1]]),
        replace(EVIDENCE[8], series=[]),
    ],
)
def test_wrong_evidence_is_named(bad: Evidence) -> None:
    with pytest.raises(InputError, match=bad.name):
        bad.check()


def test_regions_paint_their_own_pixels() -> None:
    regions = EVIDENCE[1]
    assert isinstance(regions, Regions)
    assert regions.map()[0].tolist() == [0.5, 0.5, -0.2, -0.2, 0, 0, 0, 0]
    assert regions.mask()[0].tolist() == [True, True] + [False] * 6


def test_knowledge_is_bound_to_its_model(tmp_path: Path) -> None:
    model = ToyModel()
    Knowledge.of("learner", model, {"w": np.ones(3)}, {"layer": "conv1"}).save(tmp_path / "k")
    opened = Knowledge.open(tmp_path / "k")
    assert opened.about == {"layer": "conv1"} and opened.arrays["w"].tolist() == [1, 1, 1]
    opened.check("learner", model)
    with pytest.raises(InputError, match="another model"):
        opened.check("learner", ToyModel(seed=1))
    with pytest.raises(InputError, match="by learner"):
        opened.check("other", model)


def test_an_export_is_believed_only_if_its_scores_agree(tmp_path: Path) -> None:
    knowledge = Knowledge.of("learner", ToyModel(), {})
    export, fake = ToyModel(), ToyModel(seed=1)
    assert np.array_equal(probe(export), knowledge.probe)
    for model in (export, fake):
        changes = {"fingerprint": "export", "origin": "toy-0"}
        model.spec = model.spec.model_copy(update=changes)
    knowledge.check("learner", export)
    with pytest.raises(InputError, match="scores differ"):
        knowledge.check("learner", fake)
