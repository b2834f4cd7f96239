"""Pieces are the same wherever they are done; a piece that is given up fails alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.elsewhere import Elsewhere
from support.folder_commands import COMMANDS, assert_equal

from interp.cluster.pool import ThisProcess, in_order
from interp.cluster.ray_pool import RayPool
from interp.cluster.worker import Worker, packed
from interp.errors import Cancelled, InputError, PluginError, UnsupportedError
from interp.opening.source import open_model
from interp.request import Request
from interp.run import fit
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage import folder as storage
from interp_chip.experiment import Piece


def test_this_process_does_the_pieces_one_after_another() -> None:
    found = ThisProcess().map(lambda each: each * each, range(4), lambda: abs)
    assert list(found) == [(0, 0), (1, 1), (2, 4), (3, 9)]


def test_numbered_results_are_put_in_order() -> None:
    mixed = [(2, "c"), (0, "a"), (1, "b"), (3, "d")]
    assert list(in_order(iter(mixed))) == [(0, "a"), (1, "b"), (2, "c"), (3, "d")]


@pytest.mark.parametrize("command", COMMANDS)
def test_other_processes_give_the_same(
    command: str, photos: Path, tmp_path: Path, registry: Any, alone: Any
) -> None:
    session = Session(registry, pool=Elsewhere(seed=len(command)))
    assert_equal(COMMANDS[command](photos, tmp_path / "out", session), alone(command, photos))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stopped_command_goes_on_with_other_workers(
    command: str, photos: Path, tmp_path: Path, registry: Any, alone: Any
) -> None:
    def stop(label: str, done: int, total: int | None) -> None:
        if label != "choosing images" and done >= (total or 0) / 2:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, Cancelled), match="stopped"):
        COMMANDS[command](photos, tmp_path / "out", Session(registry, progress=stop))
    session = Session(registry, pool=Elsewhere(workers=2))
    assert_equal(COMMANDS[command](photos, tmp_path / "out", session), alone(command, photos))


@pytest.mark.parametrize("command", ["run", "compare"])
def test_what_killed_workers_began_is_not_left(
    command: str, photos: Path, tmp_path: Path, registry: Any
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = storage._prefix(tmp_path / "out" / "00004")
    draft = tmp_path / "out" / (own.replace(f"-{os.getpid()}-", f"-{ended.pid}-") + "abcdefgh")

    def leave(label: str, done: int, total: int | None) -> None:
        if done and label == "images":
            draft.mkdir(exist_ok=True)

    COMMANDS[command](photos, tmp_path / "out", Session(registry, progress=leave))
    assert not draft.exists()


def test_a_poisoned_image_fails_alone(photos: Path, tmp_path: Path, registry: Any) -> None:
    session = Session(registry, pool=Elsewhere(poisoned=(3,)))
    facts, made = COMMANDS["run"](photos, tmp_path / "run", session)
    assert facts["failed"] == {"image 3": "its worker died 4 times"}
    assert facts["whole"] == 4 and len(made) > 0
    facts, _ = COMMANDS["evaluate"](photos, tmp_path / "evaluate", session)
    record = next(each for each in facts["records"] if each["position"] == 3)
    assert record["skipped"] == {"images": "its worker died 4 times"}
    facts, _ = COMMANDS["compare"](photos, tmp_path / "compare", session)
    assert len(facts["images"]) == 4
    assert any("its worker died 4 times" in each for each in facts["notes"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_model_in_memory_is_refused(
    command: str, photos: Path, tmp_path: Path, registry: Any
) -> None:
    model = open_model("creatures-resnet", ModelOptions(), registry)
    session = Session(registry, model=model, pool=Elsewhere())
    with pytest.raises(InputError, match="another model"):
        COMMANDS[command](photos, tmp_path / "out", session)


def test_a_fit_that_is_in_one_piece_is_refused(photos: Path, registry: Any) -> None:
    request = Request(method="tcav", data=str(photos))
    with pytest.raises(UnsupportedError, match="fit of tcav is not cut into pieces"):
        fit(request, Session(registry, pool=Elsewhere()))


def test_a_lost_piece_ends_a_fit_that_goes_on(
    photos: Path, tmp_path: Path, registry: Any, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interp_chip.layer_fit.SAVE_EVERY", 0.0)
    poisoned = Piece((1, 2), (0,), last=False)
    session = Session(registry, pool=Elsewhere(poisoned=(poisoned,)))
    with pytest.raises(PluginError, match=r"images \(1, 2\): its worker died 4 times"):
        COMMANDS["fit"](photos, tmp_path / "out", session)
    assert len(list((tmp_path / "out.partial").glob("*.safetensors"))) == 1
    session = Session(registry, pool=Elsewhere())
    assert_equal(COMMANDS["fit"](photos, tmp_path / "out", session), alone("fit", photos))


def test_each_worker_opens_the_model_once(photos: Path, tmp_path: Path, registry: Any) -> None:
    pool = Elsewhere(workers=2)
    COMMANDS["run"](photos, tmp_path / "out", Session(registry, pool=pool))
    assert pool.opened == 2


def test_a_worker_opens_each_work_once() -> None:
    worker = Worker()
    worker.open("first", packed(_count))
    worker.open("first", b"never read")
    assert worker.do(1) == 2


def _count() -> Any:
    return lambda piece: piece + 1


def test_a_worker_without_the_folder_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = packed(_count)
    monkeypatch.chdir("/")
    tmp_path.rename(tmp_path.with_name("moved"))
    with pytest.raises(InputError, match=f"has no folder {tmp_path}"):
        Worker().open("first", sent)


def test_a_worker_finds_the_packages_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend("/packages/of/the/command")
    sent = packed(_count)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", list(sys.path))
    Worker().open("first", sent)
    assert "/packages/of/the/command" in sys.path


@pytest.mark.parametrize("word", [["--workers", "2"], ["--cluster", "auto"]])
def test_without_ray_one_line_names_the_extra(
    word: list[str], photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from interp.cli import main

    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", "--plugin", "gradcam", "--data", str(photos), *word]) == 2
    assert capsys.readouterr().err == (
        "error: --workers and --cluster need Ray, which is not installed; "
        'pip install "interp[cluster]"\n'
    )


def test_workers_are_for_many_images(capsys: Any) -> None:
    from interp.cli import main

    pytest.importorskip("ray")
    assert main(["run", "--plugin", "gradcam", "--workers", "2"]) == 2
    assert "for many images; name a folder with --data" in capsys.readouterr().err


def test_ray_is_started_with_the_first_piece() -> None:
    pytest.importorskip("ray")
    with RayPool(2) as pool:
        assert list(pool.map(abs, [], lambda: abs)) == []
        assert not pool.options
