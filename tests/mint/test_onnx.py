"""MINT on a network and on the ONNX file made of it: the same regions, the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.source import open_model
from interp.spec import ModelOptions
from interp.target import Target
from interp_creatures.dataset import Creatures
from interp_mint.features import Features
from interp_mint.fit import Findings, fit
from interp_mint.params import MintParams
from interp_mint.partition import Partition, partition
from interp_mint.scene import Scene

NETWORKS = ("creatures-vgg", "creatures-resnet")
PARAMS = MintParams(standard_error=False)
BUDGET = Budget(samples=1000, batch_size=25)


@dataclass(frozen=True)
class Pair:
    """One network twice."""

    network: ModelAdapter
    file: ModelAdapter


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """A shipped network and its export, by name, made once."""
    folder, kept = tmp_path_factory.mktemp("onnx"), dict[str, Pair]()

    def named(name: str) -> Pair:
        if name not in kept:
            network = open_model(name, ModelOptions(device="cpu"), Registry.load())
            kept[name] = Pair(network, exported(network, folder / f"{name}.onnx"))
        return kept[name]

    return named


def exported(network: ModelAdapter, path: Path) -> ModelAdapter:
    """The network as an ONNX file for any number of images, opened."""
    spec = network.spec.input
    images = torch.rand(2, 3, *spec.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.module(),
            (images,),
            path,
            dynamo=True,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        )
    return open_model(
        str(path),
        ModelOptions(device="cpu", input={"mean": spec.mean, "std": spec.std}),
        Registry.load(),
    )


def explained(scene: Scene, target: Target, cut: Partition) -> Findings:
    """The fit on a partition made elsewhere."""
    pool = scene.moments(cut.fine, [target], Context(budget=BUDGET))
    features = Features.pool(cut, scene.deep, scene.shallow, PARAMS.feature_norm)
    return fit(pool, features, PARAMS)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of the two coarse target regions."""
    one, other = first == 0, second == 0
    return float((one & other).sum() / (one | other).sum())


def check(pair: Pair, index: int) -> None:
    """Both models on one image: regions alike; on the same partition, weights alike."""
    example = Creatures(20, seed=21)[index]
    assert example.label is not None
    target = Target(example.label, "its class")
    scenes = [Scene.open(model, example.image, PARAMS) for model in (pair.network, pair.file)]
    assert scenes[0].shallow_name == scenes[1].shallow_name
    assert scenes[0].cut.layer.name == scenes[1].cut.layer.name
    own, other = (partition(each.image, each.saliency(target), PARAMS, 0) for each in scenes)
    assert overlap(own.coarse, other.coarse) >= 0.98
    found, expected = (explained(each, target, own) for each in reversed(scenes))
    for name in ("coarse", "fine"):
        ours, theirs = (getattr(each, name).importance for each in (found, expected))
        print(name, overlap(own.coarse, other.coarse), np.abs(ours-theirs).max()/np.abs(theirs).max(), len(ours), np.argsort(-ours)[:3], np.argsort(-theirs)[:3])
        assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()
        assert np.array_equal(np.argsort(-ours)[:3], np.argsort(-theirs)[:3])


@pytest.mark.parametrize("name", NETWORKS)
def test_one_image(pair: Callable[[str], Pair], name: str) -> None:
    check(pair(name), 0)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, 20))
@pytest.mark.parametrize("name", NETWORKS)
def test_nineteen_more(pair: Callable[[str], Pair], name: str, index: int) -> None:
    check(pair(name), index)
