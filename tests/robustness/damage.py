"""Seeded damage to bytes, and odd values put into JSON."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from random import Random
from typing import Any

HEADER = 64
"""Bytes at the beginning of a file in which a change does most."""
ODD: tuple[Any, ...] = (
    *(None, True, False, "", "x", "x" * 5000, "../../etc/passwd", "/dev/zero", "\ud800", "\x00"),
    *(0, -1, 1, 2**31, -(2**63), 10**30, 1e308, 1e-308, float("nan"), float("inf"), -0.5),
    *([], {}, [[]], [None], {"": None}, [0] * 1000, "é" * 300, "\x1b[31m", "a\nb"),
)
"""Values that are wrong in most places."""


def damage(data: bytes, random: Random) -> bytes:
    """The data with some bytes changed, lost, repeated or put in; sometimes none is left."""
    way = random.choice(
        ("flip", "flip", "header", "header", "cut", "hole", "insert", "lose", "repeat", "empty")
    )
    return _damaged(bytearray(data), way, random)


def _damaged(data: bytearray, way: str, random: Random) -> bytes:
    begin, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    if way in ("flip", "header"):
        within = min(len(data), HEADER) if way == "header" else len(data)
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            data[random.randrange(within)] = random.choice(
                (0, 1, 127, 128, 255, random.randrange(256))
            )
    elif way == "cut":
        del data[begin:]
    elif way == "hole":
        data[begin:end] = bytes(end - begin)
    elif way == "insert":
        data[begin:begin] = random.randbytes(random.choice((1, 4, 64)))
    elif way == "lose":
        del data[begin : begin + random.choice((1, 4, 64))]
    elif way == "repeat":
        data[begin:begin] = data[begin:end]
    else:
        data.clear()
    return bytes(data)


def distort(document: Any, random: Random) -> Any:
    """A copy of a JSON document with an odd value, a key lost or renamed, or a part repeated."""
    found = deepcopy(document)
    for _ in range(random.choice((1, 1, 2))):
        places = [each for each in _places(found) if each[0]]
        if not places:
            return random.choice(ODD)
        parent, key = random.choice(places)
        way = random.choice(("odd", "odd", "odd", "lose", "swap", "repeat", "deep"))
        if way == "odd":
            parent[key] = deepcopy(random.choice(ODD))
        elif way == "lose":
            del parent[key]
        elif way == "swap":
            other, there = random.choice(places)
            parent[key] = deepcopy(other[there])
        elif way == "deep":
            parent[key] = _deep(random.choice((50, 200)))
        elif isinstance(parent, list):
            parent += deepcopy(parent)
        else:
            parent[f"{key}x"] = parent[key]
    return found


def written(document: Any, random: Random) -> str:
    """A document as JSON text, sometimes with what Python's own reader has trouble with."""
    text = json.dumps(document)
    way = random.randrange(30)
    if way == 0:
        return "[" * sys.getrecursionlimit() * 5
    if way == 1:
        return text.replace("0", "9" * 5000, 1)
    if way == 2:
        return text[: random.randrange(len(text))]
    if way == 3:
        return f"\ufeff{text}"
    return text


def _deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value[:50]))
    else:
        return []
    return [(value, key) for key, _ in inner] + [
        place for _, each in inner for place in _places(each)
    ]
