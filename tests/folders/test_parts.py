"""Results in parts: what folders hold of each image, opened, repeated, gone on with and paged."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import numpy as np
import pytest
from support.folder_commands import without_times
from support.pages import ROOT, blocks

import interp
from interp.cli import main
from interp.cluster.pool import Lost, Pool
from interp.context import Budget
from interp.difference.difference import difference
from interp.difference.rerun import rerun
from interp.errors import Cancelled, InputError
from interp.report import page
from interp.report.page import write_index
from interp.request import Request
from interp.run_folder import FolderRun, run_folder
from interp.run_folder import job as jobs
from interp.run_folder.opening import open_result
from interp.run_folder.part_file import PartWriter
from interp.session import Session


@pytest.fixture
def go(registry, model, photos, tmp_path, monkeypatch):
    """Run Grad-CAM in batches of two, and parts of two batches, into a folder."""
    monkeypatch.setattr(jobs, "PART_BATCHES", 2)

    def call(out: str, layout: Any = "parts", session: Any = None, **options: Any) -> FolderRun:
        request = Request(method="gradcam", data=str(photos), budget=Budget(batch_size=2))
        session = session or Session(registry, model=model)
        return run_folder(request, tmp_path / out, session, layout=layout, **options)

    return call


def facts(found: FolderRun) -> Any:
    """The numbers of all images, without times."""
    return without_times([each.model_dump(mode="json") for each in found.entries])


def maps(found: FolderRun) -> list[np.ndarray]:
    return [found.explanation(at).map() for at in range(len(found.entries))]


def assert_same(found: FolderRun, expected: FolderRun) -> None:
    assert facts(found) == facts(expected)
    for one, other in zip(maps(found), maps(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_parts_hold_what_folders_hold(go, registry, tmp_path) -> None:
    parts, folders = go("parts"), go("folders", "folders")
    assert sorted(each.name for each in (tmp_path / "parts/parts").iterdir()) == [
        "part-000000000-000000004",
        "part-000000004-000000008",
        "part-000000008-000000011",
    ]
    assert_same(parts, folders)
    assert parts.notes == folders.notes and "05.png" in parts.notes[-1]
    assert (parts.total, len(parts.entries)) == (11, 10)
    for entry in parts.entries:
        one = open_result(parts.folder / entry.folder, registry)
        other = open_result(folders.folder / entry.folder, registry)
        assert one[0] == other[0]
        assert without_times({"made": one[1].scores}) == without_times({"made": other[1].scores})
        np.testing.assert_array_equal(one[1].images[0], other[1].images[0])


def test_an_image_is_opened_compared_and_repeated_by_its_name(go, registry, model) -> None:
    parts, folders = go("parts"), go("folders", "folders")
    name = parts.entries[-1].folder
    assert interp.load(parts.folder).explanation("10").map().shape == (70, 80)
    assert interp.load(parts.folder / name).provenance.image_names == ("10",)
    assert difference(parts.folder / name, folders.folder / name, registry).same
    assert rerun(parts.folder / name, Session(registry, model=model)).same
    with pytest.raises(InputError, match="no image called '99'"):
        parts.explanation("99")
    with pytest.raises(InputError, match=r"found no manifest\.json"):
        interp.load(parts.folder / "00099-none")


def test_without_pictures_the_image_is_read_from_its_file(go, photos, registry, tmp_path) -> None:
    with_copies, found = go("copies"), go("none", pictures=False)
    sizes = [
        sum(file.stat().st_size for file in each.folder.rglob("*.safetensors"))
        for each in (with_copies, found)
    ]
    assert sizes[1] < sizes[0]
    np.testing.assert_array_equal(
        found.explanation("03").images[0], with_copies.explanation("03").images[0]
    )
    (tmp_path / "none/request.json").write_text('{"method": "gradcam", "data": "nowhere"}')
    with pytest.raises(InputError, match="keeps no copy of its image, and nowhere gives none"):
        found.explanation("03")


def test_a_stopped_run_goes_on_part_by_part(go, registry, model) -> None:
    def stop(label: str, done: int, total: int | None) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(Cancelled, match="4 of the images are whole"):
        go("out", session=Session(registry, model=model, progress=stop))
    seen: list[int] = []
    session = Session(registry, model=model, progress=lambda _, done, total: seen.append(total))
    assert_same(go("out", None, session), go("expected"))
    assert set(seen) == {7}  # of eleven; and the folder's own layout was kept


def test_a_second_process_on_the_same_parts_is_told(go, registry, model, tmp_path) -> None:
    expected, told = go("expected"), list[str]()

    def second(label: str, done: int, total: int | None) -> None:
        if done == 4 and not told:
            with pytest.raises(
                InputError, match=r"another process is writing .*out; wait"
            ) as found:
                go("out")
            told.append(str(found.value))

    found = go("out", session=Session(registry, model=model, progress=second))
    assert told
    assert_same(found, expected)


def test_a_part_that_another_process_made_meanwhile_stays(go, tmp_path, monkeypatch) -> None:
    """Of processes with the same shard, which are not kept apart."""
    whole, finish = go("whole"), PartWriter.finish

    def finish_late(writer: PartWriter) -> None:
        finish(writer)
        shutil.copytree(whole.folder / "parts", tmp_path / "out/parts", dirs_exist_ok=True)

    monkeypatch.setattr(PartWriter, "finish", finish_late)
    assert_same(go("out"), whole)
    assert not list((tmp_path / "out/parts").glob(".*"))


def test_a_larger_limit_goes_on(go) -> None:
    assert len(go("out", limit=7).entries) == 6
    found = go("out")
    names = [each.name for each in found.entries]
    assert names == sorted(names) and len(names) == 10


class Losing(Pool):
    """A pool whose workers die of every piece that holds one image."""

    workers, remote = 1, False

    def map(self, do, pieces, reopen, ordered=False):
        return ((each, Lost("died") if 6 in each else do(each)) for each in pieces)


def test_an_image_that_kills_its_worker_fails_alone(go, registry, model) -> None:
    found = go("out", session=Session(registry, model=model, pool=Losing()))
    assert found.failed == {"image 6": "died"}
    assert [each.name for each in found.entries] == "00 01 02 03 04 07 08 09 10".split()
    again = go("out")
    assert (len(again.entries), again.failed) == (10, {})


def test_an_altered_part_is_refused(go, photos) -> None:
    found = go("out")
    part = next(iter(found.folder.glob("parts/*8-*/arrays-0.safetensors")))
    part.write_bytes(part.read_bytes()[:-4] + b"abcd")
    with pytest.raises(InputError, match="was altered"):
        found.explanation("10")
    assert found.explanation("00").map().shape == (60, 90)


def test_large_arrays_go_into_several_files(go, monkeypatch) -> None:
    from interp.run_folder import part_file

    expected = go("one")
    monkeypatch.setattr(part_file, "FLUSH", 1000)
    found = go("many")
    assert len(list(found.folder.glob("parts/*/arrays-*.safetensors"))) == 10
    assert_same(found, expected)


def test_the_gallery_has_pages(go, registry, monkeypatch) -> None:
    monkeypatch.setattr(page, "PAGE", 4)
    monkeypatch.setattr(page, "PAGES", 2)
    found = go("out")
    write_index(registry, found)
    texts = [(found.folder / name).read_text() for name in ("index.html", "index-2.html")]
    assert not (found.folder / "index-3.html").exists()
    assert [text.count("data:image/webp;base64,") for text in texts] == [9, 9]
    assert 'rel="next" href="index-2.html"' in texts[0] and 'rel="prev"' not in texts[0]
    assert 'rel="prev" href="index.html"' in texts[1] and 'rel="next"' not in texts[1]
    assert "The first 8 images are shown" in texts[0]


def test_many_images_are_kept_in_parts_by_themselves(go, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "MANY", 5)
    assert (go("few", None, limit=4).folder / "00000-00").is_dir()
    assert (go("many", None).folder / "parts").is_dir()
    assert not (go("few", None).folder / "parts").exists()  # it was begun with folders


def test_without_pyarrow_one_line_names_it(go, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"needs pyarrow.*pip install pyarrow"):
        go("out")


def test_the_table_is_read_by_pandas(go) -> None:
    import pandas as pd

    found = go("out")
    files = sorted(found.folder.glob("parts/*/*.parquet"))
    table = pd.read_parquet(files, columns=["index", "name", "full", "unreadable"])
    assert list(table["index"]) == list(range(11))
    assert table["full"].notna().sum() == 10 and "05.png" in table["unreadable"].dropna().iloc[0]


def test_the_page_on_many_images_runs(registry, model, photos, tmp_path, monkeypatch) -> None:
    text = (ROOT / "docs/cluster.md").read_text("utf-8")
    (code,) = (each.code for each in blocks(text) if "interp.load" in each.code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tmp_path / "data").mkdir()
    for at in range(17):
        (tmp_path / f"data/a{at:02d}.png").write_bytes((photos / "03.png").read_bytes())
    (tmp_path / "data/cat.png").write_bytes((photos / "07.png").read_bytes())
    request = Request(method="gradcam", data="data")
    run_folder(request, "explained", Session(registry, model=model), layout="parts")
    names: dict[str, Any] = {}
    exec(code, names)
    assert len(names["numbers"]) == len(names["run"].entries) == 18


def test_the_command_line_takes_the_layout_and_no_pictures(photos, tmp_path, capsys) -> None:
    words = ["run", "--plugin", "centre", "--data", str(photos), "--out", str(tmp_path / "out")]
    assert main([*words, "--layout", "parts", "--no-pictures", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["whole"], told["of"], told["parts"]) == (10, 11, 1) and "images" not in told
    assert not list((tmp_path / "out").rglob("*.png"))
    assert not (tmp_path / "out/index.html").exists()
    assert main([*words]) == 0  # and now with a gallery, of what is there
    assert (tmp_path / "out/index.html").is_file()
    capsys.readouterr()
    assert main([*words[:3], "--layout", "parts"]) != 0
    assert "--layout are for many images" in capsys.readouterr().err
