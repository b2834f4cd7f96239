"""Decoupling on a data set: paths of classes, clusters, concepts, work and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset, Example, TolerantReader
from interp.errors import InputError, nearest
from interp.evaluation.similarity import cosines
from interp.evidence import Evidence, Matrix, Pathway, Table
from interp.explanation import Explanation
from interp.gallery import channel_pictures
from interp.model import ModelAdapter
from interp.network.placement import Placement, place
from interp.spec import Capability
from interp.training.curve import training_curves
from interp.training.samples import Samples
from interp_decoupling.cluster import cluster_codes, information, purity, shared_information
from interp_decoupling.concept import (
    Values,
    match_concept,
    mine_combinations,
    part_masks,
    parts_together,
    read_values,
)
from interp_decoupling.knowledge import DecouplingKnowledge, PathSamples
from interp_decoupling.params import DecouplingParams
from interp_decoupling.path import (
    Paths,
    distinct,
    diversity,
    hamming,
    within,
)

LOGGED = ("accuracy", "on", "diversity")
"""Columns of the log that are drawn."""
PICTURED = 6
"""Largest number of filters of which optimised pictures are shown."""
DRAWN = 10
"""Largest number of classes whose paths are drawn."""


def survey(
    model: ModelAdapter,
    dataset: Dataset,
    learned: DecouplingKnowledge,
    params: DecouplingParams,
    context: Context,
) -> Explanation:
    """The training curves, and what the data say of the paths."""
    values = read_values(params.concepts, model.spec.classes)
    data = learned.read_paths(model, dataset, context)
    evidence: list[Evidence] = [*training_curves(learned.log, "share", LOGGED)]
    evidence += [measures(data, learned), *_classes(data.paths, learned)]
    evidence.append(layers(data.paths, _labelings(data.paths, learned, values), context.seed))
    evidence += combinations(model, dataset, data, learned, params, values, context)
    if params.timed and Capability.MODULE in model.capabilities:
        evidence.append(timing(model, data, params.timed, context))
    best = telling_filters(data.paths, params.concept_layer or list(learned.filters)[-1])
    dreamt = channel_pictures(params.pictures, model, dataset, best, context)
    notes = tuple(dict.fromkeys((*data.samples.notes, *dreamt.notes)))
    return Explanation((*evidence, *dreamt.evidence), dreamt.samples, notes=notes)


def telling_filters(paths: Paths, layer: str) -> dict[str, list[int]]:
    """The filters of a layer whose being on tells most of the class, at most PICTURED."""
    told = information(paths.layers()[layer], paths.labels)
    return {layer: np.argsort(-told, kind="stable")[:PICTURED].tolist()}


def measures(data: PathSamples, learned: DecouplingKnowledge) -> Table:
    """Numbers of the whole paths on the data."""
    paths = data.paths
    inside, between = paths.within()
    rows: list[list[Any]] = [
        ["images", len(paths.labels)],
        ["accuracy", float(data.right.mean())],
        ["filters on", float(paths.codes.mean())],
        ["diversity", diversity(paths.codes)],
        ["distinct paths / images", distinct(paths.codes)],
        ["filters that differ within a class", inside],
        ["filters that differ between classes", between],
        ["effect of the class (Cohen's d)", paths.effect()],
        ["multiply-adds / plain", float(learned.work.share(paths.codes, paths.filters).mean())],
    ]
    return Table(name="measures", columns=["measure", "value"], rows=[_rounded(r) for r in rows])


def layers(paths: Paths, labelings: dict[str, np.ndarray], seed: int) -> Table:
    """Each layer's gates, and clusters of its codes against classes and concepts."""
    rows = []
    kinds = len(np.unique(paths.labels))
    for name, codes in {**paths.layers(), "whole path": paths.codes}.items():
        clusters = cluster_codes(codes, kinds, seed)
        inside, between = within(hamming(codes, codes), paths.labels)
        row = [name, codes.shape[1], codes.mean(), diversity(codes), distinct(codes)]
        row += [information(codes, paths.labels).mean(), inside, between]
        for labels in labelings.values():
            row += [purity(clusters, labels), shared_information(clusters, labels)]
        rows.append(_rounded(row))
    of = [f"{what} by {name}" for name in labelings for what in ("purity", "shared information")]
    columns = ["layer", "filters", "on", "diversity", "distinct", "nats per filter"]
    return Table(
        name="layers", columns=[*columns, "differ within", "differ between", *of], rows=rows
    )


def timing(model: ModelAdapter, data: PathSamples, count: int, context: Context) -> Table:
    """Milliseconds an image, one by one: all filters, and only those that are on. Medians."""
    from interp_decoupling.control import Mode, computing

    labels: dict[Mode, str] = {
        "all": "all filters", "on": "only filters on", "auto": "on where it pays"
    }  # fmt: skip
    times: dict[Mode, list[float]] = {mode: [] for mode in labels}
    images = data.samples.images(np.arange(min(count, len(data.samples))))
    images = images.to(model.spec.device).float() / 255
    for image in (images[:1], *images.split(1)):  # the first warms up, and is left out
        context.out_of_time()
        for mode, found in times.items():
            with computing(model.module(), mode):
                start = time.perf_counter()
                model.predict(image).cpu()
                found.append(1e3 * (time.perf_counter() - start))
    rows = [[labels[mode], round(float(np.median(e[1:])), 3)] for mode, e in times.items()]
    return Table(name="time", columns=["computed", "milliseconds an image"], rows=rows)


def combinations(
    model: ModelAdapter,
    dataset: Dataset,
    data: PathSamples,
    learned: DecouplingKnowledge,
    params: DecouplingParams,
    values: Values,
    context: Context,
) -> Iterator[Table]:
    """Filters that are on together in a cluster of images, and the part they overlap with most.

    Only where there are masks of parts. Chosen on every other image of a class; the overlaps are
    those on the rest.
    """
    layer = params.concept_layer or list(learned.filters)[-1]
    if layer not in learned.filters:
        raise InputError(f"{layer!r} is not controlled; {nearest(layer, learned.filters)}")
    samples = data.samples.part(np.arange(min(len(data.samples), params.surveyed)))
    examples = placed(model, dataset, samples.places)
    if not any(part.mask is not None for e, _ in examples for i in e.instances for part in i.parts):
        return
    maps = maps_of(model, samples, layer, context)
    masks = part_masks(examples, dataset.classes, values, maps.shape[2:], model.layer(layer).field)
    masks |= parts_together(masks, dataset.classes, values)
    codes = data.paths.layers()[layer][: len(samples)]
    chosen = samples.alternate()
    clusters = cluster_codes(codes[chosen], len(np.unique(samples.labels)), context.seed)
    rows = []
    for images, filters in mine_combinations(codes[chosen], clusters, params.combination):
        both, single = match_concept(maps, masks, filters, chosen, params.top, params.joined)
        alone = [single.filters[0], round(single.overlap, 3)]
        names = " ".join(map(str, filters))
        rows.append([images, names, both.concept, round(both.overlap, 3), *alone])
    columns = ["images", "filters", "concept", "IoU", "best single", "its IoU"]
    yield Table(name="filters on together", layer=layer, columns=columns, rows=rows)


def maps_of(model: ModelAdapter, samples: Samples, layer: str, context: Context) -> np.ndarray:
    """Gated maps (N, K, gh, gw) of a layer, rectified."""
    found = [
        model.activations(images, [layer])[layer].relu().cpu().numpy()
        for _, images in samples.batches(context, "reading maps")
    ]
    return np.concatenate(found)


def placed(
    model: ModelAdapter, dataset: Dataset, places: np.ndarray
) -> list[tuple[Example, Placement]]:
    """Examples at these places of the data, and where they lie in the network's input."""
    return [
        (example, place(example.image.shape[:2], model.spec.input))
        for _, example in TolerantReader(dataset).examples(int(each) for each in places)
        if example is not None
    ]


def _classes(paths: Paths, learned: DecouplingKnowledge) -> Iterator[Evidence]:
    """How alike the classes' paths are, and the paths of the first classes."""
    shares, present = paths.shares(len(learned.classes)), np.unique(paths.labels)
    names = [learned.classes[each] for each in present]
    yield Matrix(
        name="classes' paths alike",
        values=cosines(shares[present]),
        rows=names,
        columns=names,
        signed=False,
    )
    for each, name in list(zip(present, names, strict=True))[:DRAWN]:
        yield Pathway(name=f"path of {name}", states=shares[each], layers=paths.filters)


def _labelings(paths: Paths, learned: DecouplingKnowledge, values: Values) -> dict[str, np.ndarray]:
    """Labels (N,) that clusters are compared with: classes, and concepts with a value by class."""
    found = {"class": paths.labels}
    for concept, of in values.items():
        kinds = sorted(set(of.values()))
        found[concept] = np.array([kinds.index(of[name]) for name in learned.classes])[paths.labels]
    return found


def _rounded(row: list[Any]) -> list[Any]:
    """Values for a table, rounded; NaN becomes an empty cell."""
    plain = [each.item() if isinstance(each, np.generic) else each for each in row]
    return [
        (None if np.isnan(each) else round(each, 4)) if isinstance(each, float) else each
        for each in plain
    ]
