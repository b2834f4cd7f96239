"""What a class loses with a tenth of the filters, in a network with gates and in a plain one.

python benchmarks/class_switching.py [--images N]
Writes benchmarks/results/class_switching.json, of the two networks that are shipped; csg_study.py
measures the same of networks that it trains. In a network with gates the class's own filters are
closed. In both, and as many for each class, those filters are closed that say most for the class:
chosen on every other image of the class, measured on the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from record import record

from interp.context import Context
from interp.evaluation.bootstrap import compare, estimate
from interp.metric import Measurement
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_csg.features import Features, read_features
from interp_csg.knowledge import CsgKnowledge
from interp_csg.params import CsgParams
from interp_csg.structure import find_ending, weights_of

GATED, PLAIN = "creatures-csg", "creatures-resnet"
SEED = 5_900_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2500)
    arguments = parser.parse_args()
    data, found, kept = Creatures(arguments.images, SEED, two=False), {}, {}
    for name in (GATED, PLAIN):
        model = open_model(name, ModelOptions(device="cpu"), Registry.load())
        weight, bias = last_layer(model)
        seen = read_features(model, data, Context())
        learned, scored = halves(seen)
        closed = {"contributing": contributing(*learned, weight)}
        if name == GATED:
            known, own = CsgKnowledge.of(model), CsgParams().own
            closed["own"] = [known.filters(label, own) for label in range(len(weight))]
        for how, filters in closed.items():
            rows = switching(*scored, weight, bias, filters)
            kept[f"{name}, {how}"] = rows
            found[f"{name}, {how}"] = {
                "filters": float(np.mean([len(each) for each in filters])),
                **{key: _plain(estimate(rows[key], _random(), "share")) for key in rows},
            }
    first, second = kept[f"{GATED}, contributing"], kept[f"{PLAIN}, contributing"]
    less = {key: _plain(compare(first[key], second[key], _random(), "share")) for key in first}
    record("class_switching", {"images": arguments.images // 2, **found, "gated_less_plain": less})


def last_layer(model: ModelAdapter) -> tuple[np.ndarray, np.ndarray]:
    """Weight (C, K) and bias (C,) of the linear layer that a network ends in."""
    weight, bias = weights_of(model, find_ending(model).linear)
    return weight.cpu().numpy(), bias.cpu().numpy()


def halves(seen: Features) -> list[tuple[np.ndarray, np.ndarray]]:
    """Features and labels of every other image of each class, and of the rest."""
    chosen = np.zeros(len(seen.labels), bool)
    for label in np.unique(seen.labels):
        chosen[np.flatnonzero(seen.labels == label)[::2]] = True
    return [(seen.values[half], seen.labels[half]) for half in (chosen, ~chosen)]


def contributing(features: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """For each class the K / C filters that say most for it on its images.

    Filter k adds w_ck a_k to the score of class c; what it adds to the mean score is no reason for
    a class and counts less. Features a (N, K), labels (N,), weight w (C, K).
    """
    relative, count = weight - weight.mean(0), weight.shape[1] // len(weight)
    return [
        np.argsort(-relative[label] * features[labels == label].mean(0), kind="stable")[:count]
        for label in range(len(weight))
    ]


def switching(
    features: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    filters: Sequence[np.ndarray],
) -> dict[str, np.ndarray]:
    """Whether an image's class is found, found without the class's filters, and how often it is
    found without another class's, the mean over those: an entry (N,) each.
    """
    right = np.empty((len(weight) + 1, len(labels)))
    for row, off in enumerate([*filters, np.zeros(0, int)]):
        on = np.ones(weight.shape[1])
        on[off] = 0
        right[row] = ((features * on) @ weight.T + bias).argmax(1) == labels
    own = right[labels, np.arange(len(labels))]
    others = (right[:-1].sum(0) - own) / (len(weight) - 1)
    return {"recall": right[-1], "without_own": own, "without_another": others}


def _plain(measured: Measurement) -> list[float]:
    return [round(float(each or 0), 4) for each in (measured.value, measured.low, measured.high)]


def _random() -> np.random.Generator:
    return np.random.default_rng(0)


if __name__ == "__main__":
    main()
