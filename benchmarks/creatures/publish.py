"""Write what is shipped: a network's weights with a card of its accuracies, and sample images."""

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
from torch import Tensor, nn

from creatures.difficulty import pair_rate, visibility
from interp.storage.folder import whole_file, write_json_whole
from interp_creatures import networks
from interp_creatures.dataset import VERSION, Creatures
from interp_creatures.networks import MEAN, STD

SHIPPED = Path(networks.__file__).parent
TEST_SEED = 9_000_001  # of the held-out images
TEST_COUNT = 1000
SAMPLES = {"sample": (2, 48, False), "two": (2, 25, True)}
"""File name -> (seed, index, two creatures)."""


def publish(name: str, network: nn.Module, history: Mapping[str, Any], folder: Path) -> None:
    """Write a classifier with its accuracies; see write_network."""
    write_network(name, network, {**measure(network), **history}, folder)


def write_network(name: str, network: nn.Module, facts: Mapping[str, Any], folder: Path) -> None:
    """Write FOLDER/<name>.safetensors and its card FOLDER/<name>.json, and print the card."""
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    versions = {"torch": torch.__version__, "numpy": np.__version__, "opencv": cv2.__version__}
    card = {"model": name, **facts, "versions": versions}
    with whole_file(folder / f"{name}.safetensors") as draft:
        draft.write_bytes(save(state))
    write_json_whole(folder / f"{name}.json", card)
    print(json.dumps(card, indent=2))


def measure(network: nn.Module) -> dict[str, Any]:
    """Accuracy on the held-out images, and on the same ones with parts hidden."""
    classify = partial(predict, network)
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


def predict(network: nn.Module, images: np.ndarray, batch: int = 100) -> np.ndarray:
    """(N, H, W, 3) uint8 RGB -> (N, K) class scores."""
    chunks = np.array_split(images, -(-len(images) // batch))
    with torch.no_grad():
        return torch.cat([network(normalised(chunk)) for chunk in chunks]).numpy()


def normalised(images: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) as the networks expect it."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return ((torch.from_numpy(images) / 255 - mean) / std).permute(0, 3, 1, 2)


def write_samples(folder: Path) -> None:
    """Draw the sample images as FOLDER/<name>.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, index, two) in SAMPLES.items():
        image = Creatures(index + 1, seed, two)[index].image
        cv2.imwrite(str(folder / f"{name}.png"), image[..., ::-1])
