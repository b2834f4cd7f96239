"""What version 0.1.0 wrote is opened, repeated, compared and gone on with by this version."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from support.command_line import Interp, command_line

HERE = Path(__file__).parent
MADE_WITH = {"python", "machine", "versions"}
"""What may differ between then and now."""
CORNERS = {"run-integrated-gradients": 1e-3}
"""Largest relative difference of results whose points may lie on either side of a rectifier's
corner, by the processor's rounding; all others are the same to `rerun`'s own limit of 1e-5."""

same_resizing = pytest.mark.skipif(
    int(cv2.__version__.split(".")[0]) < 5, reason="OpenCV 4 resizes images otherwise"
)

RUNS = sorted(each.name for each in HERE.glob("run-*"))
SURVEYS = sorted(each.name for each in HERE.glob("survey-*"))
PIECES = ["comparison/00001-two/occlusion", "comparison-stopped/00000-sample/gradcam"]
PIECES += ["folder/00001-two", "folder-limited/00000-sample"]

INPUT = "--input size=16 --classes names.txt --device cpu"
PLAIN, DEEP = f"--model small_net:plain {INPUT}", f"--model small_net:deep {INPUT}"
RED = "--image colours/red/c2.png"
SEVERAL = "--plugins gradcam,occlusion --set occlusion.window=0.4 --device cpu --data photos"
MEASURED = (
    "--plugins gradcam,occlusion --metrics deletion,energy-parts --metric-set deletion.steps=4 "
    "--set occlusion.window=0.4 --limit 2 --device cpu"
)
LESSON = f"--plugin chip {PLAIN} --data colours --masks 200 --correct false --layer last"
CSG = (
    "--plugin csg --model small_net:plain --input size=16 --device cpu --data colours --epochs 3 "
    "--batch-size 6 --pad 1 --new-head --gate-rate 0.6"
)


@pytest.fixture
def interp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Interp:
    """`interp WORDS` in a copy of this folder."""
    shutil.copytree(HERE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    return command_line(capsys)


@same_resizing
@pytest.mark.parametrize("name", ["comparison", *RUNS, *SURVEYS, *PIECES])
def test_a_result_is_repeated_with_the_same_numbers(interp: Interp, name: str) -> None:
    """Rerun finds the same, and diff says so of the two folders, with all parameters alike."""
    for words in (f"rerun {name} --out again --json", f"diff {name} again --json"):
        answer = interp(words)
        assert answer.json["evidence"], answer.out + answer.err
        assert answer.json["largest"] <= CORNERS.get(name, 1e-5), answer.out + answer.err
        assert answer.code == 0 or name in CORNERS
    changes = {key.partition(".")[0] for key in answer.json["changes"]}
    assert changes <= MADE_WITH, answer.json["changes"]


def test_every_kind_of_evidence_is_among_them() -> None:
    """Nothing that a method can answer with is left out here."""
    stored = [*HERE.glob("run-*/explanation.json"), *HERE.glob("survey-*/explanation.json")]
    kinds = {each["kind"] for path in stored for each in read(path)["evidence"]}
    assert kinds == {
        *("heatmap", "regions", "channel_importance", "pathway", "part_maps"),
        *("matrix", "gallery", "table", "curve"),
    }


def test_the_folders_name_no_place_of_their_own() -> None:
    """The results can be repeated wherever this folder lies."""
    for path in HERE.rglob("*.json"):
        assert not any(word.startswith(("/", "~")) for word in words_in(read(path))), path


@same_resizing
def test_python_repeats_them_too(interp: Interp) -> None:
    """The front door from Python opens a stored run and stored knowledge."""
    import interp as door

    again = door.rerun("run-rise")
    assert again.same and again.difference.pairs
    found = door.explain("creatures-vgg", "photos/sample.png", method="gradcam")
    assert found.evidence[0].target == "ikku"


def test_two_results_are_compared_in_numbers_and_in_a_picture(interp: Interp) -> None:
    """Diff tells two old runs apart, and draws the maps that two of them have in common."""
    answer = interp("diff run-gradcam run-rise --json")
    assert answer.code == 0, answer.err
    assert answer.json["same"] is False
    assert answer.json["changes"]["method"] == ["gradcam", "rise"]
    answer = interp("diff run-gradcam folder/00000-sample --out both.png")
    assert answer.code == 0 and answer.out.startswith("the same"), answer.err
    assert Path("both.png").stat().st_size > 1000


def test_an_altered_result_is_refused(interp: Interp) -> None:
    """The sums in an old manifest are still checked."""
    request = Path("run-gradcam/request.json")
    request.write_text(request.read_text().replace('"seed": 0', '"seed": 1'))
    answer = interp("rerun run-gradcam")
    assert answer.code == 2 and "altered" in answer.err


@same_resizing
@pytest.mark.parametrize("pages", ["", "--pages"])
def test_the_reports_of_a_comparison_are_written_again(interp: Interp, pages: str) -> None:
    """The command of a whole comparison explains nothing anew and writes its report."""
    report, *single = [Path("comparison/report.html"), *Path("comparison").glob("0*/report.html")]
    before = written("comparison")
    for page in (report, *single):
        page.unlink()
    answer = interp(f"compare {SEVERAL} --out comparison {pages}")
    assert answer.code == 0 and "report: comparison/report.html" in answer.out, answer.err
    assert written("comparison") == before and len(before) == 4
    for page in single if pages else [report]:
        text = page.read_text()
        assert "occlusion" in text and "data:image/" in text


@same_resizing
def test_a_stopped_comparison_is_finished(interp: Interp) -> None:
    """The image that was whole is kept, and the other comes out as in the whole comparison."""
    before = written("comparison-stopped")
    answer = interp(f"compare {SEVERAL} --out comparison-stopped")
    assert answer.code == 0 and len(before) == 2, answer.err
    after = written("comparison-stopped")
    assert len(after) == 4 and before.items() <= after.items()
    answer = interp("diff comparison comparison-stopped")
    assert answer.out.startswith("the same"), answer.out
    assert Path("comparison-stopped/report.html").is_file()


@same_resizing
@pytest.mark.parametrize(("name", "whole"), [("folder", 2), ("folder-limited", 1)])
def test_a_run_over_a_folder_goes_on(interp: Interp, name: str, whole: int) -> None:
    """Images that are whole are kept, missing ones explained, the gallery written."""
    before = written(name)
    assert len(before) == whole
    Path(name, "index.html").unlink()
    answer = interp(f"run --plugin gradcam --device cpu --data photos --out {name}")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0] == "gradcam on creatures-vgg: 2 of 2 images are explained"
    after = written(name)
    assert len(after) == 2 and before.items() <= after.items()
    assert "data:image/" in Path(name, "index.html").read_text()
    answer = interp(f"diff {HERE / 'folder/00001-two'} {name}/00001-two")
    assert answer.out.startswith("the same"), answer.out


def test_a_folder_with_another_request_is_not_gone_on_with(interp: Interp) -> None:
    """What an old folder was begun with is still compared with what is asked now."""
    answer = interp("run --plugin gradcam --device cpu --data photos --seed 1 --out folder")
    assert answer.code == 2 and "holds something else" in answer.err


@pytest.mark.parametrize("parts", ["evaluation", "evaluation-part-0 evaluation-part-1"])
def test_an_evaluation_is_opened(interp: Interp, parts: str) -> None:
    """Whole or in shards it gives the same table, and its files are written again."""
    answer = interp(f"merge {parts} --out again --json")
    assert answer.code == 0, answer.err
    assert answer.json["table"] == near(read(Path("evaluation/results.json"))["table"])
    for name in ("table.csv", "table.md", "plot.png"):
        assert Path("again", name).stat().st_size > 100


def test_a_stopped_evaluation_is_finished(interp: Interp) -> None:
    """The image that was measured is kept, and the table is that of the whole evaluation."""
    (kept,) = (read(each) for each in Path("evaluation-stopped.partial").glob("image-*"))
    answer = interp(f"evaluate {MEASURED} --out evaluation-stopped --resume --json")
    assert answer.code == 0, answer.err
    assert answer.json["table"] == near(read(Path("evaluation/results.json"))["table"])
    assert kept in read(Path("evaluation-stopped/results.json"))["records"]
    assert not Path("evaluation-stopped.partial").exists()


def test_a_stopped_training_is_finished(interp: Interp) -> None:
    """The epoch that was done is kept, and the log is that of the training in one go."""
    (kept,) = Path("csg-stopped.partial/log.jsonl").read_text().splitlines()
    answer = interp(f"fit {CSG} --out csg-stopped")
    assert answer.code == 0, answer.err
    stopped, whole = (
        read(Path(name, "knowledge.json"))["about"]["log"]
        for name in ("csg-stopped", "csg-trained")
    )
    assert stopped == near(whole) and stopped[0] == json.loads(kept)
    assert not Path("csg-stopped.partial").exists()


def test_a_stopped_lesson_is_finished(interp: Interp) -> None:
    """CHIP goes on with the answers that were kept."""
    answer = interp(f"fit {LESSON} --until stable --out chip-stopped")
    assert answer.code == 0, answer.err
    assert not Path("chip-stopped.partial").exists()


@pytest.mark.parametrize("words", [f"{CSG} --out csg", f"{LESSON} --until stable --out chip"])
def test_what_was_kept_is_looked_for(interp: Interp, words: str) -> None:
    """A kept file that is torn is noticed: its name is still the one that is asked for."""
    name = words.rpartition(" ")[2]
    (kept,) = (each for each in Path(f"{name}-stopped.partial").iterdir() if "log" not in each.name)
    kept.write_bytes(kept.read_bytes()[:100])
    assert interp(f"fit {words}-stopped").code != 0


def test_knowledge_serves_and_its_parts_are_joined(interp: Interp) -> None:
    """CHIP explains by what it learned whole, and by its two shards, nearly alike."""
    answer = interp("merge chip-part-0 chip-part-1 --out joined")
    assert answer.code == 0 and "knowledge: joined" in answer.out, answer.err
    for name in ("chip-known", "joined"):
        run = f"run --plugin chip {PLAIN} {RED} --channels 1 --knowledge {name} --out with-{name}"
        answer = interp(run)
        assert answer.code == 0, answer.err
        answer = interp(f"diff run-chip-known with-{name} --json")
        assert answer.json["largest"] < 1e-4, answer.out


@pytest.mark.parametrize(
    "words",
    [
        f"predict --model csg-trained {RED}",
        "layers decoupling-trained",
        f"run --plugin csg --model csg-trained --device cpu {RED}",
        f"run --plugin gradcam --model decoupling-trained --device cpu {RED}",
        f"run --plugin explainer {DEEP} {RED} --knowledge explainer-known",
        f"run --plugin chip --model small.onnx --device cpu {RED} --knowledge chip-known",
        "survey --plugin decoupling --model decoupling-trained --data colours --timed 1",
        f"survey --plugin chip {PLAIN} --data colours --knowledge chip-known",
        "measure path-work --model decoupling-trained --data colours",
        f"measure part-share {DEEP} --data colours --set knowledge=explainer-known",
    ],
)
def test_what_was_learned_serves(interp: Interp, words: str) -> None:
    """Knowledge, trained networks and the exported file are opened by name."""
    answer = interp(words)
    assert answer.code == 0, answer.err


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def written(folder: str) -> dict[str, str]:
    """When each bundle below a folder was written, by its place."""
    manifests = sorted(Path(folder).rglob("*/manifest.json"))
    return {str(each.parent): read(each)["written"] for each in manifests}


def near(value: Any) -> Any:
    """A JSON value whose numbers are compared up to rounding."""
    if isinstance(value, dict):
        return {key: near(each) for key, each in value.items()}
    return pytest.approx(value, rel=1e-4, abs=1e-6) if isinstance(value, float) else value


def words_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from words_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from words_in(each)
