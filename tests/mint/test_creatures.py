"""MINT on generated creatures with a trained network: does it find what makes the class?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from interp.context import Budget
from interp.dataset import Example, Instance
from interp.evidence import Regions
from interp.explanation import Explanation
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_creatures.species import CLASSES, DEFINING

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "plugins" / "interp_creatures" / "weights" / "creatures-vgg.safetensors"
NAMES = list(CLASSES)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WEIGHTS.exists(), reason="creatures-vgg is not trained here"),
]


def explained(examples: Sequence[Example], samples: int) -> Iterator[tuple[Example, Explanation]]:
    """Each example with MINT's explanation for the classes of its creatures."""
    registry = Registry.load()
    model = open_model("creatures-vgg", ModelOptions(), registry)
    for example in examples:
        request = Request(
            method="mint",
            targets=tuple(NAMES[each.label] for each in example.instances),
            budget=Budget(samples=samples),
        )
        yield (
            example,
            run(request, registry=registry, model=model, images=[example.image]).explanation,
        )


def report(**values: float) -> None:
    print("\n" + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))  # noqa: T201


def density(pieces: Regions) -> np.ndarray:
    """Importance per pixel, (H, W)."""
    area = np.bincount(pieces.labels.ravel(), minlength=len(pieces.importance))
    return (pieces.importance / np.maximum(area, 1))[pieces.labels]


def mask_of(instance: Instance, names: Sequence[str] | None = None) -> np.ndarray:
    """The pixels of a creature, or of its named parts."""
    if names is None and instance.mask is not None:
        return instance.mask
    masks = [each.mask for each in instance.parts if names is None or each.name in names]
    return np.logical_or.reduce([each for each in masks if each is not None])


def test_importance_falls_on_the_parts_that_make_the_class() -> None:
    examples = list(Creatures(50, seed=11, two=False))
    sums = {"defining": 0.0, "others": 0.0, "background": 0.0}
    areas = dict.fromkeys(sums, 0)
    overlaps, purity, r2, shown = [], [], [], 0
    for example, found in explained(examples, 1500):
        instance = example.instances[0]
        creature, defining = mask_of(instance), mask_of(instance, DEFINING)
        values = density(found.named("fine"))
        places = {
            "defining": defining,
            "others": creature & ~defining,
            "background": ~creature,
        }
        for name, mask in places.items():
            sums[name] += values[mask].sum()
            areas[name] += int(mask.sum())
        region = found.named("coarse").mask()
        shown += bool(region.any())
        overlaps.append((region & creature).sum() / (region | creature).sum())
        purity.append((region & creature).sum() / max(region.sum(), 1))
        r2.append(found.named("fine").r2)
    mean = {name: sums[name] / areas[name] for name in sums}
    report(
        defining_to_others=mean["defining"] / mean["others"],
        defining_to_background=mean["defining"] / mean["background"],
        region_shown=shown / len(examples),
        region_iou=float(np.mean(overlaps)),
        region_inside=float(np.mean(purity)),
        r2_fine=float(np.mean(r2)),
    )
    assert mean["defining"] > mean["others"]
    assert mean["defining"] > 2 * mean["background"]


def test_each_of_two_creatures_gets_its_own_region() -> None:
    examples = list(Creatures(25, seed=12, two=True))
    right = []
    for example, found in explained(examples, 1000):
        masks = [mask_of(each) for each in example.instances]
        for at, instance in enumerate(example.instances):
            region = found.named("coarse", NAMES[instance.label]).mask()
            own, other = (int((region & masks[each]).sum()) for each in (at, 1 - at))
            right.append(own > other)
    report(region_on_the_right_creature=float(np.mean(right)))
    assert np.mean(right) >= 0.8
