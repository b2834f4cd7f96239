"""Whose creature a box's map lies on, in images of two: RISE on the readout `boxes`, as D-RISE.

python benchmarks/detection.py [--images 100 --samples 2000]
Writes benchmarks/results/detection.json. Images with two creatures of seed 77, creatures-detector.
A creature counts where the detector finds it (a box of its class, IoU .5 or more); the others are
counted as not found. Each map is held against the two creatures' true boxes and masks: it lies on
its own where the peak is in the own box (half where it is in both), and where the positive map is
denser inside the own than inside the other's. Controls: the other creature's map, and a Gaussian in
the middle of the image, which no model made.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from record import print_progress, record

from interp.context import Budget
from interp.dataset import Example
from interp.evaluation.bootstrap import estimate
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_standard.baseline import SIGMA, centred_gaussian
from interp_standard.localize import inside, iou

SEED = 77
LEAST = 0.9
"""Share of the maps that must lie on their own creature."""
Rows = dict[tuple[str, str], list[float]]
"""(map, measure) -> for each creature that was found, whether the map lies on it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--samples", type=int, default=2000)
    arguments = parser.parse_args()
    registry = Registry.load()
    model = open_model("creatures-detector", ModelOptions(device="cpu"), registry)
    rows: Rows = defaultdict(list)
    missing, progress = 0, print_progress("images")
    for number, example in enumerate(Creatures(arguments.images, SEED, two=True)):
        names = boxes_of(model, example)
        missing += names.count(None)
        maps = maps_of(model, example, names, arguments.samples, registry)
        for own, name in enumerate(names):
            if name is not None:
                score(rows, example, own, maps)
        progress("done", number + 1, arguments.images)
    found = [{"map": key[0], "measure": key[1], **interval(values)} for key, values in rows.items()]
    ours = [each["share"] for each in found if each["map"] == "rise"]
    about = {
        "model": "creatures-detector",
        "images": arguments.images,
        "masks": arguments.samples,
        "creatures": 2 * arguments.images,
        "not found": missing,
        "rows": found,
        "at least": LEAST,
        "holds": min(ours) >= LEAST,
    }
    record("detection", about)


def boxes_of(model: ModelAdapter, example: Example) -> list[str | None]:
    """The target of each of the two creatures; None where the detector does not find it."""
    focused = model.focus(example.image)
    regions = focused.output.regions if focused.output else ()
    boxes = [each.box for each in regions if each is not None]
    found: list[str | None] = []
    for instance in example.instances:
        label = model.spec.classes[instance.label]
        overlaps = iou(boxes, [instance.box])[:, 0]
        right = [
            at
            for at, name in enumerate(focused.spec.classes)
            if name.startswith(f"{label} ") and overlaps[at] >= 0.5
        ]
        found.append(focused.spec.classes[right[0]] if right else None)
    return found


def maps_of(
    model: ModelAdapter,
    example: Example,
    names: list[str | None],
    samples: int,
    registry: Registry,
) -> list[np.ndarray | None]:
    """RISE's map (H, W) of each creature that was found."""
    targets = tuple(dict.fromkeys(name for name in names if name is not None))
    if not targets:
        return [None] * len(names)
    request = Request(method="rise", targets=targets, budget=Budget(samples=samples))
    given = {"registry": registry, "model": model, "images": [example.image]}
    explanation = run(request, **given).explanation
    return [None if name is None else explanation.map(name) for name in names]


def score(rows: Rows, example: Example, own: int, maps: list[np.ndarray | None]) -> None:
    """Add what each map says about creature `own` of the two."""
    mine, other = example.instances[own], example.instances[1 - own]
    shape = example.image.shape[:2]
    middle = centred_gaussian(shape, SIGMA)
    kinds = {"rise": maps[own], "the other creature's": maps[1 - own], "centre": middle}
    boxes = [inside([each.box], shape) for each in (mine, other)]
    masks = [each.mask for each in (mine, other)]
    for name, values in kinds.items():
        if values is None:
            continue
        rows[name, "peak in own box"].append(peak(values, *boxes))
        rows[name, "denser in own box"].append(denser(values, *boxes))
        rows[name, "denser on own creature"].append(denser(values, *masks))


def peak(values: np.ndarray, own: np.ndarray, other: np.ndarray) -> float:
    """Whether the maximum lies in the own box; half where it lies in both."""
    at = np.unravel_index(values.argmax(), values.shape)
    return float(own[at]) / (1 + float(other[at]))


def denser(values: np.ndarray, own: np.ndarray, other: np.ndarray) -> float:
    """Whether the mean of the positive map is larger inside the own region."""
    positive = values.clip(0)
    return float(positive[own].mean() > positive[other].mean())


def interval(values: list[float]) -> dict[str, object]:
    """The share of the maps with its 95 % interval."""
    found = estimate(np.array(values), np.random.default_rng(0), "share of maps")
    low, high = (round(float(each or 0), 3) for each in (found.low, found.high))
    return {"share": round(found.value, 3), "low": low, "high": high, "maps": len(values)}


if __name__ == "__main__":
    main()
