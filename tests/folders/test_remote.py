"""Images elsewhere and in tar files: listed once, streamed, explained as those in a folder."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from interp.cluster.pool import Pool
from interp.context import Budget
from interp.dataset import StreamedDataset
from interp.errors import Cancelled, InputError
from interp.opening.reader import choose_reader, read_data
from interp.registry import Registry
from interp.request import Request
from interp.run_folder import FolderRun, run_folder
from interp.session import Session


@pytest.fixture
def bucket(photos: Path):
    """The photos at memory://bucket/photos, and in two tar files beside."""
    memory = fsspec.filesystem("memory")
    files = sorted(photos.glob("*.png"))
    for file in files:
        memory.pipe(f"/bucket/photos/{file.name}", file.read_bytes())
    memory.pipe("/bucket/photos/notes.txt", b"no image")
    for number, part in enumerate((files[:7], files[7:])):
        memory.pipe(f"/bucket/shard-{number:03d}.tar", shard(part))
    yield "memory://bucket"
    memory.rm("/bucket", recursive=True)


@pytest.fixture
def s3(photos: Path, monkeypatch):
    """The photos at s3://bucket/photos and in s3://bucket/shard-000.tar, by a server of our own."""
    pytest.importorskip("s3fs", reason="needs s3fs")
    server = pytest.importorskip("moto.server", reason="needs moto[server]").ThreadedMotoServer(
        "127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    remote = fsspec.filesystem("s3")
    remote.mkdir("bucket")
    files = sorted(photos.glob("*.png"))
    for file in files:
        remote.pipe(f"bucket/photos/{file.name}", file.read_bytes())
    remote.pipe("bucket/shard-000.tar", shard(files))
    yield "s3://bucket"
    server.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def shard(files: list[Path]) -> bytes:
    """A tar file of images, each followed by its class, as WebDataset has them."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for file in files:
            for name, content in ((file.name, file.read_bytes()), (f"{file.stem}.cls", b"3")):
                about = tarfile.TarInfo(f"some/{name}")
                about.size = len(content)
                tar.addfile(about, io.BytesIO(content))
    return held.getvalue()


@pytest.fixture
def go(registry, model, tmp_path):
    def call(data: str, out: str, session: Any = None, **options: Any) -> FolderRun:
        request = Request(method="gradcam", data=data, budget=Budget(batch_size=3))
        session = session or Session(registry, model=model)
        return run_folder(request, tmp_path / out, session, pictures=False, **options)

    return call


def maps(found: FolderRun) -> dict[str, np.ndarray]:
    return {each.name: found.explanation(each.name).map() for each in found.entries}


def assert_close(found: FolderRun, expected: FolderRun) -> None:
    """The same images and maps, up to what it makes to be explained with other images."""
    one, other = maps(found), maps(expected)
    assert list(one) == list(other)
    for name, each in other.items():
        np.testing.assert_allclose(one[name], each, rtol=0, atol=1e-5 * np.abs(each).max())


def test_a_folder_elsewhere_is_as_one_here(go, bucket, photos) -> None:
    found = go(f"{bucket}/photos", "far")
    assert_close(found, go(str(photos), "near"))
    assert "05.png" in found.notes[-1] and found.total == 11


def test_s3_is_as_a_folder_here(go, s3, photos) -> None:
    near = go(str(photos), "near")
    assert_close(go(f"{s3}/photos", "far"), near)
    assert_close(go(f"{s3}/shard-{{000..000}}.tar", "streamed"), near)
    with pytest.raises(InputError, match="s3://bucket/elsewhere: found no such folder"):
        go(f"{s3}/elsewhere", "none")


def test_tar_files_are_read_as_a_stream(go, bucket, photos, monkeypatch) -> None:
    from interp_standard.reader import tar

    read: list[str] = []
    own = tar._images
    monkeypatch.setattr(tar, "_images", lambda url: (read.append(url), own(url))[1])
    found = go(f"{bucket}/shard-{{000..001}}.tar", "far")
    assert [url[-7:] for url in read] == ["000.tar", "001.tar"]  # once each
    assert_close(found, go(str(photos), "near"))
    assert len(list(found.folder.glob("parts/part-*"))) == 2
    assert (found.total, len(found.entries)) == (11, 10) and "05.png" in found.notes[-1]


def test_tar_files_go_on_where_they_were_stopped(go, bucket, registry, model) -> None:
    def stop(label: str, done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    data = f"{bucket}/shard-*.tar"
    with pytest.raises(Cancelled, match="6 of the images are whole"):
        go(data, "out", Session(registry, model=model, progress=stop))
    seen: list[int] = []
    session = Session(registry, model=model, progress=lambda _, done, total: seen.append(done))
    assert len(go(data, "out", session).entries) == 10 and max(seen) == 4


@pytest.mark.parametrize("limit", [4, 8])
def test_a_limit_ends_a_stream(go, bucket, limit) -> None:
    names = [each.name for each in go(f"{bucket}/shard-*.tar", "out", limit=limit).entries]
    assert names == [f"{at:02d}" for at in range(limit) if at != 5]
    assert len(go(f"{bucket}/shard-*.tar", "out").entries) == 10


class Sending(Pool):
    """A pool that does each piece as a worker does, with what was sent to it."""

    workers, remote = 1, True

    def map(self, do, pieces, reopen, ordered=False):
        opened = pickle.loads(pickle.dumps(reopen))()
        return ((each, opened(each)) for each in pieces)


@pytest.mark.parametrize("place", ["photos", "shard-*.tar"])
def test_workers_are_sent_the_listing(go, bucket, place, registry, monkeypatch) -> None:
    memory = type(fsspec.filesystem("memory"))
    listed: list[str] = []
    own = memory.ls
    monkeypatch.setattr(
        memory, "ls", lambda self, path, *a, **b: (listed.append(path), own(self, path, *a, **b))[1]
    )
    go(f"{bucket}/{place}", "alone")
    alone = len(listed)
    found = go(f"{bucket}/{place}", "sent", Session(registry, pool=Sending()))
    assert len(found.entries) == 10 and len(listed) == 2 * alone


def test_a_torn_tar_file_gives_what_comes_before(go, bucket) -> None:
    memory = fsspec.filesystem("memory")
    whole = memory.cat("/bucket/shard-001.tar")
    memory.pipe("/bucket/shard-001.tar", whole[: len(whole) // 2])
    found = go(f"{bucket}/shard-*.tar", "out")
    assert 6 < len(found.entries) < 10 and "shard-001.tar: cannot be read" in found.notes[-1]


def test_tar_files_are_data_sets(bucket) -> None:
    data = read_data(Registry.load(), f"{bucket}/shard-*.tar")
    assert isinstance(data, StreamedDataset) and len(data) == 11
    assert (data[0].name, data[10].name) == ("00", "10")
    with pytest.raises(InputError, match=r"shard-000\.tar: some/05\.png: the image is damaged"):
        _ = data[5]
    with pytest.raises(IndexError):
        _ = data[11]


def test_class_folders_elsewhere(bucket, photos) -> None:
    memory = fsspec.filesystem("memory")
    for name in ("ant", "bee"):
        memory.pipe(f"/bucket/classes/{name}/1.png", (photos / "01.png").read_bytes())
    memory.pipe("/bucket/classes/loose.png", b"")
    data = read_data(Registry.load(), f"{bucket}/classes")
    assert data.classes == ("ant", "bee") and [each.label for each in data] == [0, 1]
    (note,) = data.notes
    assert note == "1 images beside the class folders of memory://bucket/classes were left out"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("memory://nothing/here", "found no such folder"),
        ("memory://nothing/*.tar", "found no tar files there"),
        ("elsewhere://bucket/photos", "Protocol not known: elsewhere"),
        ("az://bucket/photos", r"adlfs.*pip install \"interp\[remote\]\""),
    ],
)
def test_what_is_not_there_is_told_in_one_line(data, words) -> None:
    with pytest.raises(InputError, match=words) as error:
        read_data(Registry.load(), data)
    assert "\n" not in str(error.value)


def test_readers_of_addresses_open_no_files(tmp_path) -> None:
    registry = Registry.load()
    (tmp_path / "a.tar").write_bytes(b"")
    assert choose_reader(registry, str(tmp_path / "a.tar"))[0] == "tar"
    assert choose_reader(registry, "s3://bucket/a.tar") == ("tar", "s3://bucket/a.tar")
    assert choose_reader(registry, "s3://bucket/a") == ("remote", "s3://bucket/a")
    with pytest.raises(InputError, match="is read as a stream, whose results"):
        run_folder(
            Request(method="gradcam", data=f"file://{tmp_path}/a.tar"),
            tmp_path / "out",
            layout="folders",
        )
