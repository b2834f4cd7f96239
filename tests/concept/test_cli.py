"""Both methods from the command line: fit, run, survey, compare with its report, and slips."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command_line import Interp, command_line
from support.dataset import write_images

from interp.evidence import Concepts
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.result.bundle import open_bundle

FIT = {
    "craft": "fit --plugin craft --model planted.onnx --data images --concepts 3 --out K --json",
    "tcav": "fit --plugin tcav --model planted.onnx --data concepts --out K --json",
}


@pytest.fixture
def interp(
    exported: ModelAdapter,
    both: Any,
    shown: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Interp:
    """interp WORDS in a folder with planted.onnx, images/ of classes and concepts/ of concepts."""
    write_images(both(24), tmp_path / "images", both(24).names)
    write_images(shown(40), tmp_path / "concepts", shown(40).names)
    monkeypatch.chdir(tmp_path)
    return command_line(capsys)


def fine(interp: Interp, words: str) -> str:
    answer = interp(words)
    assert answer.code == 0, answer.err
    return answer.out


@pytest.mark.parametrize("method", FIT)
def test_from_images_to_pictures_and_reports(interp: Interp, method: str, tmp_path: Path) -> None:
    facts = json.loads(fine(interp, FIT[method]))
    (layer,) = facts["layers"].values()
    assert layer["concepts"] == 3
    Knowledge.open(tmp_path / "K")
    seen = f"--model planted.onnx --plugin {method} --knowledge K"
    fine(interp, f"run {seen} --image images/ant/b0.png --out B")
    _, found = open_bundle(tmp_path / "B")
    concepts = found.named("concepts")
    assert isinstance(concepts, Concepts) and concepts.maps.shape == (3, 24, 24)
    assert any("concepts" in each.name for each in (tmp_path / "B").glob("*.png"))
    fine(interp, f"survey {seen} --data images --out S")
    _, whole = open_bundle(tmp_path / "S")
    assert whole.of("matrix") and whole.of("gallery")
    assert len(list((tmp_path / "S").glob("*.png"))) == len(whole.evidence)
    fine(interp, "rerun B --out B2")
    _, again = open_bundle(tmp_path / "B2")
    np.testing.assert_allclose(again.named("concepts").maps, concepts.maps, atol=1e-6)


def test_compared_beside_other_methods(interp: Interp, tmp_path: Path) -> None:
    fine(interp, FIT["craft"])
    fine(interp, FIT["tcav"].replace("--out K", "--out T"))
    fine(
        interp,
        "compare --model planted.onnx --image images/ant/b0.png --methods craft,tcav,gradcam "
        "--knowledge craft=K --knowledge tcav=T --out C",
    )
    report = next((tmp_path / "C").rglob("report.html")).read_text("utf-8")
    assert "CRAFT" in report and "TCAV" in report and "concept" in report


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("craft", "--scored 1", "greater than or equal to 2"),
        ("craft", "--of-class wasp", "unknown target 'wasp'"),
        ("craft", "--layer nowhere", "no layer 'nowhere'"),
        ("tcav", "--source parts", "found 0 concepts"),
        ("tcav", "--ridge -1", "greater than or equal to 0"),
    ],
)
def test_slips(interp: Interp, method: str, words: str, message: str) -> None:
    answer = interp(f"{FIT[method]} {words}")
    assert answer.code == 2 and message in answer.err.replace("\n", " "), answer.err
    assert len(answer.err) < 400


def test_help_names_the_parameters(interp: Interp, draw: Callable[..., np.ndarray]) -> None:
    assert "of_class" in fine(interp, "show craft")
    assert "permutations" in fine(interp, "show tcav")
