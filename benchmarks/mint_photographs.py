"""MINT on photographs: what its coupling of the two scales is worth, with MobileNetV2.

python benchmarks/mint_photographs.py [--images N --samples N --explore]
Writes benchmarks/results/mint_photographs.json; each image is kept as it is done, so that the same
command goes on where it was stopped. Of each ImageNet validation image one pool of samples is drawn
and fitted in several ways: with the paper's coupling of weights, with that of importances, and
without any; each with pooled features in units of their mean, as is the default, and as they are.
R^2 is held out by buckets of samples. "Scales apart" is how far a region's coarse importance is
from the sum of its pieces', "same first region" whether both name the same one as most important.
`--explore` takes other images, for choosing a default.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from photographs import MOBILENET, NORMALISED, Photographs
from study import parse, report

from interp.context import Context
from interp.dataset import Example
from interp.evaluation.bootstrap import compare, estimate
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.folder import read_json, write_json_whole
from interp.target import Target
from interp_mint.features import Features
from interp_mint.image import TwoScaleImage
from interp_mint.params import MintParams
from interp_mint.partition import partition
from interp_mint.solve import Solution, solve

COUPLINGS = ("weights", "importances", "none")
SCORED = 100
"""The images that are scored; exploration takes those after them."""


def main() -> None:
    arguments = parse(__doc__, "mint_photographs", images=SCORED, samples=5000)
    whole, kind = Photographs(), "explored" if arguments.explore else "scored"
    work: Path = arguments.work / f"{kind}-{arguments.samples}"
    order = np.random.default_rng(0).permutation(len(whole)).tolist()
    chosen = order[SCORED:] if arguments.explore else order[:SCORED]
    options = ModelOptions(device="cpu", input=NORMALISED, classes=whole.ids)
    model = open_model(str(MOBILENET), options, Registry.load())
    rows = []
    for at in chosen[: arguments.images]:
        file = work / f"{at}.json"
        if not file.is_file():
            work.mkdir(parents=True, exist_ok=True)
            write_json_whole(file, measured(model, whole[at], arguments.samples))
            print(at, flush=True)
        rows.append(read_json(file))
    found = {"images": len(rows), "samples": arguments.samples, **summary(rows)}
    report(arguments, "mint_photographs", work, found)


def measured(model: ModelAdapter, example: Example, samples: int) -> dict[str, Any]:
    """One image: every way's R^2 and how far its scales disagree."""
    params = MintParams(samples=samples, standard_error=False)
    layers = TwoScaleImage.open(model, example.image, params)
    target = Target(example.label or 0, "it")
    cut = partition(layers.picture, layers.saliency(target), params, 0)
    pool = layers.moments(cut.fine, [target], Context(), lambda _: True)
    found: dict[str, Any] = {}
    for coupling, norm in product(COUPLINGS, (True, False)):
        features = Features.pool(cut, layers.deep, layers.shallow, norm)
        way = params.model_copy(update={"coupling": coupling, "feature_norm": norm})
        found[f"{coupling}, {'norm' if norm else 'literal'}"] = _way(
            solve(pool, features, way), cut.tree
        )
    return found


def _way(solution: Solution, tree: np.ndarray) -> dict[str, float | None]:
    """Held-out R^2 of both scales, and by how much coarse importances miss the sums of fine ones.

    The latter relative to the largest coarse importance, or to the largest sum.
    """
    coarse, sums = solution.coarse.importance, solution.fine.importance @ tree
    largest = max(float(np.abs(coarse).max()), float(np.abs(sums).max()), 1e-12)
    return {
        "coarse R2": solution.coarse.r2,
        "fine R2": solution.fine.r2,
        "scales apart": float(np.abs(coarse - sums).max()) / largest,
        "same first region": float(coarse.argmax() == sums.argmax()),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over images, and each way less the paper's, with 95 % intervals."""
    values = {
        way: {name: np.array([row[way][name] for row in rows], float) for name in rows[0][way]}
        for way in rows[0]
    }
    first = values["weights, norm"]
    return {
        "table": {
            way: {name: _plain(estimate(each, _random(), "")) for name, each in found.items()}
            for way, found in values.items()
        },
        "less the default": {
            way: {
                name: _plain(compare(each, first[name], _random(), "")) for name, each in f.items()
            }
            for way, f in values.items()
            if f is not first
        },
    }


def _plain(found: Measurement) -> list[float]:
    return [round(float(each or 0), 4) for each in (found.value, found.low, found.high)]


def _random() -> np.random.Generator:
    return np.random.default_rng(0)


if __name__ == "__main__":
    main()
