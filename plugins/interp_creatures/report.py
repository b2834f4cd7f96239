"""Measure a trained network and write its weights with a card that says how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from interp_creatures.dataset import VERSION, Creatures
from interp_creatures.gate import pair_rate, visibility
from interp_creatures.networks import scores

TEST_SEED = 9_000_001  # of the held-out images
TEST_COUNT = 1000


def publish(name: str, network: nn.Module, history: Mapping[str, Any], folder: Path) -> str:
    """Write FOLDER/<name>.safetensors and its card FOLDER/<name>.json; return the card."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    card = {"model": name, **measure(network), **history, "versions": _versions()}
    text = json.dumps(card, indent=2) + "\n"
    _write(folder / f"{name}.safetensors", save(state))
    _write(folder / f"{name}.json", text.encode())
    return text


def measure(network: nn.Module) -> dict[str, Any]:
    """Accuracy and gates on the held-out images."""
    classify = partial(scores, network)
    single = visibility(classify, Creatures(TEST_COUNT, TEST_SEED, two=False))
    pairs = Creatures(500, TEST_SEED, two=True)
    return {
        "test": {"seed": TEST_SEED, "count": TEST_COUNT, "drawing": VERSION},
        "accuracy": round(single.whole, 4),
        "accuracy_defining_painted_over": round(single.painted_over, 4),
        "accuracy_defining_only": round(single.defining_only, 4),
        "two_creatures_both_in_top_two": round(pair_rate(classify, pairs), 4),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "numpy": np.__version__, "opencv": cv2.__version__}


def _write(path: Path, data: bytes) -> None:
    """The file whole or not at all."""
    unfinished = path.with_suffix(path.suffix + ".partial")
    unfinished.write_bytes(data)
    unfinished.replace(path)
