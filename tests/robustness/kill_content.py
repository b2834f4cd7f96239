"""What a command wrote, without times, and whether two contents are the same."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

TIMES = {"seconds", "written", "explaining", "measuring"}
"""Keys of what differs from run to run."""
TIMED = re.compile(
    r"\d+(\.\d+)?(?= s\b)|(?<=number\">)[\d.]+(?=</td></tr>)|(?<=written</dt><dd>)[^<]+"
)
"""Seconds and times in texts."""
EMBEDDED = re.compile(r"data:image/png;base64,([\w+/=]+)")
NUMBER = re.compile(r"(-?\d+\.\d+(?:e-?\d+)?)")
TOLERANCE = 1e-4
"""Largest difference of numbers, relative to the larger or to 1; of arrays, to their largest."""
LEVEL = 4
"""Largest difference of the levels of a pixel in a picture, of 255."""


def written(folder: Path) -> dict[str, Any]:
    """What a command wrote into a folder, by path, without times."""
    found = {}
    for each in sorted(folder.rglob("*")):
        name = each.relative_to(folder).as_posix()
        if not each.is_symlink() and "__pycache__" not in name:
            found[name] = None if each.is_dir() else _content(each)
    return found


def _content(file: Path) -> Any:
    if file.suffix == ".json":
        return _untimed(json.loads(file.read_text()))
    if file.suffix in {".html", ".md", ".csv"}:
        text, *pictures = EMBEDDED.split(file.read_text())
        pixels = [np.asarray(Image.open(BytesIO(b64decode(each)))) for each in pictures[::2]]
        return [TIMED.sub("N", "".join([text, *pictures[1::2]])), *pixels]
    if file.suffix == ".safetensors":
        return load_file(file)
    if file.suffix == ".png":
        return np.asarray(Image.open(file))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def alike(first: Any, second: Any) -> bool:
    """Whether two contents are equal, up to the rounding of numbers."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            alike(each, second[key]) for key, each in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        apart = np.abs(first.astype(float) - second.astype(float)).max(initial=0)
        scale = np.abs(first.astype(float)).max(initial=0)
        return bool(apart <= (LEVEL if first.dtype == np.uint8 else TOLERANCE * scale))
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) <= TOLERANCE * max(1, abs(first), abs(second))
    if isinstance(first, str) and isinstance(second, str) and first != second:
        parts, others = NUMBER.split(first), NUMBER.split(second)
        return parts[::2] == others[::2] and alike(
            [float(each) for each in parts[1::2]], [float(each) for each in others[1::2]]
        )
    return bool(first == second)


def _untimed(value: Any) -> Any:
    """JSON without times, and without the checksums of files that hold times."""
    if isinstance(value, list):
        return [_untimed(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(each) if key == "files" else _untimed(each)
        for key, each in value.items()
        if key not in TIMES
    }
