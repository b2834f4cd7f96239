"""The folder of progress beside an output: marked, gone on from, and never a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.cli import main
from interp.errors import InputError
from interp.storage.folder import seal
from interp.storage.progress_folder import MARK, ProgressFolder

WORDS = "--plugin occlusion --model creatures-vgg"


def test_progress_is_marked_and_an_empty_folder_goes(tmp_path):
    folder = ProgressFolder.beside(tmp_path / "out")
    with folder.kept() as place:
        assert place == tmp_path / "out.partial"
        assert (place / MARK).is_file()
    assert not place.exists()


def test_what_was_kept_stays_until_it_is_removed(tmp_path):
    folder = ProgressFolder.beside(tmp_path / "out")
    said = "progress is kept in .*out.partial, and the same command with --out .* goes on"
    with pytest.raises(KeyboardInterrupt, match=said):
        interrupted(folder)
    assert (folder.folder / "moments").read_text() == "half"
    with folder.kept():
        folder.remove()
    assert not folder.folder.exists()


def interrupted(folder: ProgressFolder) -> None:
    """Ctrl-C once something is kept."""
    with folder.kept() as place:
        (place / "moments").write_text("half")
        raise KeyboardInterrupt


def test_one_process_at_a_time(tmp_path, monkeypatch):
    folder = ProgressFolder.beside(tmp_path / "out")
    with folder.kept() as place:
        with pytest.raises(InputError, match=r"another process is writing .*out; wait"):
            interrupted(folder)
        monkeypatch.setenv("LOCAL_RANK", "1")  # a process that a training on two devices started
        with folder.kept():
            (place / "moments").write_text("half")
    assert (place / "moments").is_file()


def test_progress_of_a_whole_output_is_removed(tmp_path):
    folder = ProgressFolder.beside(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        interrupted(folder)
    folder.out.mkdir()
    seal(folder.out, {"kind": "explanation"})
    with pytest.raises(InputError, match="holds a whole result"):
        interrupted(folder)
    assert not folder.folder.exists()


@pytest.mark.parametrize("name", ["notes.txt", "thesis.pt", "photo.jpg", "weights.safetensors"])
def test_a_users_folder_is_left_alone(tmp_path, name):
    own = tmp_path / "out.partial"
    own.mkdir()
    (own / name).write_text("mine")
    folder = ProgressFolder.beside(tmp_path / "out")
    with pytest.raises(InputError, match="was not written by interp"), folder.kept():
        pass
    folder.remove()
    assert [each.name for each in own.iterdir()] == [name]
    assert (own / name).read_text() == "mine"


def test_a_link_and_a_file_are_left_alone(tmp_path):
    (tmp_path / "a.partial").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "b.partial").write_text("mine")
    for name in "ab":
        with pytest.raises(InputError), ProgressFolder.beside(tmp_path / name).kept():
            pass
        assert (tmp_path / f"{name}.partial").is_symlink() or (tmp_path / "b.partial").is_file()


@pytest.mark.parametrize("command", ["run", "fit", "evaluate"])
def test_commands_leave_a_users_folder_alone(tmp_path, capsys, command):
    own = tmp_path / "out.partial" / "chapter"
    own.mkdir(parents=True)
    (own / "text").write_text("mine")
    given = {
        "run": f"run {WORDS} --budget 10",
        "fit": "fit --plugin chip --data creatures --budget 10",
        "evaluate": "evaluate --plugins gradcam --metrics deletion --limit 1",
    }[command]
    assert main([*given.split(), "--out", str(tmp_path / "out")]) == 2
    assert "out.partial" in capsys.readouterr().err
    assert (own / "text").read_text() == "mine"
    assert not (tmp_path / "out").exists()


def test_a_finished_run_leaves_no_progress(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*"run --plugin gradcam".split(), "--out", "out"]) == 0
    assert {each.name for each in Path().iterdir()} == {"out"}
    assert main("run --plugin gradcam --model none-such --out other".split()) == 2
    assert {each.name for each in Path().iterdir()} == {"out"}
