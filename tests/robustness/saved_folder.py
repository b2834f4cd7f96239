"""Damaged weights and folders that interp wrote: models, knowledge, bundles, comparisons, parts."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

from robustness.damage import damage, distort, written
from robustness.runner import Case

ROOT = Path(__file__).parent.parent.parent
COMPARED = "compare --plugins gradcam,rise --budget 50 --model ../model.onnx"
COMMANDS: dict[str, tuple[str, ...]] = {
    "bundle": ("diff given ../bundle", "diff ../bundle given", "rerun given"),
    "comparison": ("diff given ../comparison", "rerun given", f"{COMPARED} --out given"),
    "knowledge": ("run --plugin chip --knowledge given --out out",),
    "trained": (
        *("predict --model given", "layers given", "run --plugin csg --model given --out out"),
        "predict --model given --weights ../net.safetensors",
    ),
    "part": ("merge given ../part1 --out out", "merge ../part1 given --out out"),
}
"""What is asked of a damaged folder of each kind."""
SOURCES = {
    "knowledge": ROOT / "plugins/interp_chip/knowledge/creatures-vgg",
    "trained": ROOT / "plugins/interp_csg/models/creatures-resnet",
    "part": Path("../part0"),
}
RESUMED = "--out given"


def folder_case(kind: str) -> Callable[[Path, Random], Case]:
    """Cases of a folder of this kind that was altered, and sometimes sealed again."""

    def make(folder: Path, random: Random) -> Case:
        given = folder / "given"
        (folder / "outside").write_text("outside")
        shutil.copytree(folder / SOURCES.get(kind, Path(f"../{kind}")), given)
        for _ in range(random.choice((1, 1, 2))):
            alter(given, random)
        if random.randrange(2):
            reseal(given)
        words = random.choice(COMMANDS[kind])
        resumed = RESUMED in words
        codes = (0, 1, 2) if words.startswith("rerun") else (0, 2)  # 1: it came out differently
        reference = None if resumed else "manifest"
        return Case(tuple(words.split()), reference, "given", codes=codes)

    return make


def alter(folder: Path, random: Random) -> None:
    """Change, lose or replace one file, or add one."""
    files = sorted(each for each in folder.rglob("*") if _is_own(each))
    if not files:
        return
    json_files = [each for each in files if each.suffix == ".json"]
    path = random.choice(json_files if json_files and random.randrange(2) else files)
    way = random.choice(("change",) * 12 + ("lose", "folder", "pipe", "link", "name"))
    if way == "change":
        _change(path, random)
        return
    path.unlink()
    if way == "folder":
        path.mkdir()
    elif way == "pipe":
        os.mkfifo(path)
    elif way == "link":
        path.symlink_to(random.choice(("/dev/zero", "../outside", "gone", path.name, "..")))
    elif way == "name":
        (path.parent / "\udcff\udcfe").mkdir(exist_ok=True)


def _is_own(path: Path) -> bool:
    """Whether a path is a file, and no link to one elsewhere, which must not be changed."""
    return path.is_file() and not path.is_symlink()


def _change(path: Path, random: Random) -> None:
    data = path.read_bytes()
    if path.suffix == ".json" and random.randrange(6):
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return
        text = written(distort(document, random), random)
        path.write_text(text, "utf-8", "surrogatepass")
    elif path.suffix == ".safetensors" and random.randrange(3):
        path.write_bytes(changed_header(data, random))
    elif data:
        path.write_bytes(damage(data, random))


def changed_header(data: bytes, random: Random) -> bytes:
    """A safetensors file whose header says other things, or is of another length."""
    try:
        (size,) = struct.unpack("<Q", data[:8])
        head = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError, struct.error):
        return data
    text = written(distort(head, random), random).encode("utf-8", "surrogatepass")
    told = random.choice((len(text), len(text), len(text), 0, 1, 2**31, 2**63, 10))
    return struct.pack("<Q", told) + text + data[8 + size :]


def reseal(folder: Path) -> None:
    """Give the manifest the checksums of the files as they are now."""
    manifest = folder / "manifest.json"
    if not _is_own(manifest):
        return
    try:
        about = json.loads(manifest.read_bytes())
        names = [each for each in about["files"] if (folder / each).is_file()]
        sums = {each: hashlib.sha256((folder / each).read_bytes()).hexdigest() for each in names}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return
    manifest.write_text(json.dumps({**about, "files": sums}))


class _Command:
    """Pickled, it is a command that runs where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def weights_case(folder: Path, random: Random) -> Case:
    """A file of weights for a factory, damaged; sometimes one that would run code."""
    name = random.choice(("net.safetensors", "net.safetensors", "net.pth"))
    data = (folder.parent / name).read_bytes()
    broken = False
    if name == "net.pth" and random.randrange(8) == 0:
        data, broken = pickle.dumps({"weight": _Command()}), True
    elif name == "net.safetensors" and random.randrange(2):
        data = changed_header(data, random)
    else:
        data = damage(data, random)
    (folder / name).write_bytes(data)
    words = ("predict", "--model", "support.networks:pooled_net", "--weights", name)
    return Case(words, "weights", name, broken)


CASES: dict[str, Callable[[Path, Random], Case]] = {
    **{kind: folder_case(kind) for kind in COMMANDS},
    "weights": weights_case,
}
