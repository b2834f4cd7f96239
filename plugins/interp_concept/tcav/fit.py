"""Fitting TCAV: the activations of images that show the concepts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp_concept.tcav.knowledge import LEAST, TcavKnowledge
from interp_concept.tcav.params import TcavParams
from interp_concept.tcav.sample import Sample, Sampler

POOR = 0.7
"""Held-out accuracy below which a note warns."""


def fit(model: ModelAdapter, dataset: Dataset, params: TcavParams, context: Context) -> Knowledge:
    """The mean activations of the concepts' images, of which directions are computed."""
    if context.budget.shard is not None:
        raise InputError("concepts are read in one part; leave out --shard")
    cut = model.cut(model.map_layer(params.layer).name)
    sampler = Sampler(model, cut, dataset, params, context)
    found = sampler.collect()
    names = [name for name in sorted(found) if name != params.counter and len(found[name]) >= LEAST]
    given = found.get(params.counter, [])
    given = given if len(given) >= LEAST else []
    if not names or len(names) + bool(given) < 2:
        raise InputError(
            f"found {len(names)} concepts with {LEAST} images or more, and {len(given)} "
            f"counter-examples; expected a folder of images for each concept, and one more or a "
            f"folder called {params.counter}"
        )
    listed = [each for name in names for each in found[name]] + given
    labels = [at for at, name in enumerate(names) for _ in found[name]] + [-1] * len(given)
    arrays: dict[str, np.ndarray] = {
        "values": np.stack([each.row for each in listed]).astype(np.float32),
        "labels": np.array(labels, np.int64),
        "tiles": _tiles([found[name] for name in names], params.examples),
    }
    layer = cut.layer.name
    known = TcavKnowledge(layer, tuple(names), **arrays, params=params, seed=context.seed)
    accuracy = [round(float(each.halves.accuracy.mean()), 4) for each in known.cavs]
    notes = [*sampler.reader.notes(), *_notes(found, names, accuracy, params)]
    about = {
        "layer": layer,
        "concepts": names,
        "accuracy": accuracy,
        "params": params.model_dump(mode="json"),
        "notes": notes,
        "layers": {
            layer: {
                "concepts": len(names),
                "images": len(listed) - len(given),
                "counter-examples": len(given),
                "accuracy": round(float(np.mean(accuracy)), 4),
            }
        },
    }
    return Knowledge.of("tcav", model, arrays, about)


def _tiles(samples: list[list[Sample]], count: int) -> np.ndarray:
    """Pictures of each concept, (K, E, s, s, 3); of few images some are shown again."""
    return np.stack([[each[at % len(each)].picture for at in range(count)] for each in samples])


def _notes(
    found: dict[str, list[Sample]], names: list[str], accuracy: list[float], params: TcavParams
) -> Iterator[str]:
    few = [name for name in sorted(found) if name not in names and name != params.counter]
    if few:
        yield f"left out, with fewer than {LEAST} images: {', '.join(few)}"
    poor = [name for name, each in zip(names, accuracy, strict=True) if each < POOR]
    if poor:
        yield (
            f"held-out accuracy is below {POOR} for {', '.join(poor)}: the layer does not tell "
            "these concepts from the counter-examples, and their directions mean little"
        )
