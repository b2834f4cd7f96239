"""Damaged files through the command line: a working model, or one line and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

TRIAL = Path(__file__).with_name("trial.py")
SECONDS = 30
Answer = tuple[int, str, str]


def tried(files: Sequence[Path], *command: str) -> list[tuple[Path, Answer]]:
    """What a command answered to each file: exit code, stdout, stderr."""
    lines = [[*command, str(file), "--device", "cpu", "--json"] for file in files]
    done = subprocess.run(
        [sys.executable, TRIAL, str(SECONDS)],
        input=json.dumps(lines),
        check=True,
        capture_output=True,
        text=True,
    )
    return list(zip(files, json.loads(done.stdout), strict=True))


def is_sound(answer: Answer) -> bool:
    """A model that works and nothing on stderr, or one line of the user's mistake."""
    code, out, err = answer
    if code == 0:
        return not err and bool(json.loads(out))
    return code == 2 and not out and err.startswith("error: ") and err.count("\n") == 1


def mutate(content: bytes, seed: int) -> bytes:
    """Every fourth copy is cut off somewhere; the others have one to four bits flipped."""
    random = np.random.default_rng(seed)
    if seed % 4 == 3:
        return content[: random.integers(len(content))]
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    bits[random.choice(len(bits), random.integers(1, 5), replace=False)] ^= 1
    return np.packbits(bits).tobytes()


@pytest.fixture
def copies(small: Any, pair: Any, tmp_path: Path) -> Callable[[range], list[Path]]:
    """Mutated copies by number: of a file made by hand and of an exporter's, in turn."""
    exported = onnx.load(pair("Residual").file.spec.source)  # takes the weights in
    contents = [each.SerializeToString() for each in (small(), exported)]

    def written(numbers: range) -> list[Path]:
        files = [tmp_path / f"{number}.onnx" for number in numbers]
        for number, file in zip(numbers, files, strict=True):
            file.write_bytes(mutate(contents[number % 2], number // 2))
        return files

    return written


@pytest.mark.parametrize(
    ("numbers", "command"),
    [
        (range(40), ("layers",)),
        pytest.param(range(400), ("predict", "--model"), marks=pytest.mark.slow),
        pytest.param(range(40, 400), ("layers",), marks=pytest.mark.slow),
    ],
)
def test_mutated_copies(
    copies: Callable[[range], list[Path]], numbers: range, command: tuple[str, ...]
) -> None:
    answers = tried(copies(numbers), *command)
    assert [each for each in answers if not is_sound(each[1])] == []
    codes = [answer[0] for _, answer in answers]
    assert min(codes.count(0), codes.count(2)) > len(codes) / 10, "all alike"


def wrong_files(small: Any) -> dict[str, tuple[bytes, str]]:
    """Files that are no model of images, and what the user is told of each."""
    two, vector = small(), small()
    two.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ("n", 1)))
    vector.graph.input[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, (1, 10)))
    content = small().SerializeToString()
    return {
        "empty": (b"", "is empty"),
        "text": (b"a shopping list\nmilk\n", "cannot be read as ONNX"),
        "truncated": (content[: len(content) // 2], "cannot be read as ONNX"),
        "corrupt": (content.replace(b"Relu", b"Rel\xff"), "is damaged"),
        "old": (small(opset=10).SerializeToString(), "onnxruntime cannot open it"),
        "new": (small(ir_version=99).SerializeToString(), "IR version: 99"),
        "two inputs": (two.SerializeToString(), "takes 2 inputs"),
        "no image": (vector.SerializeToString(), "expected an image"),
    }


def test_wrong_files(small: Any, tmp_path: Path) -> None:
    wrong = wrong_files(small)
    for name, (content, _) in wrong.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    files = [tmp_path / f"{name}.onnx" for name in wrong]
    for file, answer in tried(files, "predict", "--model"):
        assert answer[0] == 2 and is_sound(answer), (file, answer)
        assert wrong[file.stem][1] in answer[2]
