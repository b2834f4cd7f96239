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
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp.target import Target
from interp_creatures.dataset import Creatures
from interp_mint.features import Features
from interp_mint.image import TwoScaleImage
from interp_mint.params import MintParams
from interp_mint.partition import Partition, partition
from interp_mint.solve import Solution, solve

DATA = Path(__file__).parents[3] / "shared" / "data"
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


def explained(image: TwoScaleImage, target: Target, cut: Partition) -> Solution:
    """The solution on a partition made elsewhere."""
    pool = image.moments(cut.fine, [target], Context(budget=BUDGET))
    features = Features.pool(cut, image.deep, image.shallow, PARAMS.feature_norm)
    return solve(pool, features, PARAMS)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of the two coarse target regions."""
    one, other = first == 0, second == 0
    return float((one & other).sum() / (one | other).sum())


def agreement(pair: Pair, index: int) -> float:
    """How far the coarse regions overlap; on the same partition, weights must be alike."""
    example = Creatures(20, seed=21)[index]
    assert example.label is not None
    target = Target(example.label, "its class")
    images = [
        TwoScaleImage.open(model, example.image, PARAMS) for model in (pair.network, pair.file)
    ]
    assert images[0].shallow_name == images[1].shallow_name
    assert images[0].cut.layer.name == images[1].cut.layer.name
    own, other = (
        partition(each.picture, each.saliency(target, Context()), PARAMS, 0) for each in images
    )
    expected, found = (explained(each, target, own) for each in images)
    for scale in ("coarse", "fine"):
        ours, theirs = (getattr(each, scale).importance for each in (found, expected))
        assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()
        assert np.array_equal(np.argsort(-ours)[:3], np.argsort(-theirs)[:3])
    return overlap(own.coarse, other.coarse)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_image(pair: Callable[[str], Pair], name: str) -> None:
    assert agreement(pair(name), 0) >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_images(pair: Callable[[str], Pair], name: str) -> None:
    for index in range(20):
        assert agreement(pair(name), index) >= 0.98, index


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_a_photograph() -> None:
    names = ("bull mastiff", "tiger cat")
    request = Request(
        method="mint",
        images=(str(DATA / "photos" / "both.png"),),
        targets=names,
        budget=Budget(samples=500),
    )
    registry = Registry.load()
    found, expected = (
        run(
            request.model_copy(update={"model": str(DATA / "imagenet" / f"mobilenet_v2.{suffix}")}),
            registry=registry,
        ).explanation
        for suffix in ("onnx", "pt2")
    )
    for name in names:
        ours, theirs = (each.named("coarse", name) for each in (found, expected))
        assert overlap(ours.labels, theirs.labels) >= 0.98
        ours, theirs = (each.named("fine", name).map() for each in (found, expected))
        assert np.abs(ours - theirs).mean() <= 0.01 * np.abs(theirs).mean()
