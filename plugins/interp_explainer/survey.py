"""An explainer on a data set: training curves, errors, each filter's part on its best images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.dissection import thresholds
from interp.evidence import Gallery, Table
from interp.explanation import Explanation
from interp.storage.pixel import to_picture
from interp.training.curve import training_curves
from interp_explainer.information import filter_loss
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.outline import outline, tiled
from interp_explainer.params import ExplainerParams
from interp_explainer.training_task import coverage

TOP = 0.005
"""Share of a filter's cells on all images that is its part: P(x > T) = .005."""
CHANNELS = 32
"""Number of filters whose information is computed at once."""


@dataclass(frozen=True, eq=False)
class DatasetMaps:
    """Part maps and unmasked maps (N, C, h, w) of N images, errors (N, L) and coverage."""

    index: np.ndarray
    """The images' indices in the data, (N,)."""
    parts: np.ndarray
    second: np.ndarray
    errors: np.ndarray
    coverage: float

    @cached_property
    def active(self) -> np.ndarray:
        """The share of images on which each filter has a part, (C,)."""
        return np.asarray((self.parts.max((2, 3)) > 0).mean(0))


def survey(
    explainer: TrainedExplainer, dataset: Dataset, params: ExplainerParams, context: Context
) -> Explanation:
    """Evidence about the data set; filters are ranked by information times share of images."""
    maps = collect_maps(explainer, dataset, params.looked_at, context)
    information, active = filter_information(maps.second, explainer), maps.active
    best = np.argsort(-information * active, kind="stable")[: params.gallery]
    filters = Table(
        name="filters",
        columns=["filter", "information, nats", "share of images it fires on"],
        rows=[[int(k), round(float(information[k]), 4), round(float(active[k]), 3)] for k in best],
    )
    return Explanation(
        (
            *training_curves(explainer.log, "relative error, or share"),
            _measures(explainer, maps),
            filters,
            _gallery(explainer, dataset, maps, best, params.examples),
        )
    )


def collect_maps(
    explainer: TrainedExplainer, dataset: Dataset, most: int, context: Context
) -> DatasetMaps:
    """The first `most` images' maps, in half precision since they are many."""
    index, parts, second, errors, covered = [], [], [], [], []
    for each in explainer.run_all(dataset, context, most):
        encoded = each.forward.rebuilt.encoded
        index.append(each.index)
        parts.append(each.forward.parts.astype(np.float16))
        second.append(encoded.second[0].cpu().numpy().astype(np.float16))
        errors.append(each.forward.errors)
        covered.append(coverage(encoded))
    maps = (np.stack(parts), np.stack(second))
    return DatasetMaps(np.array(index), *maps, np.array(errors), float(np.mean(covered)))


def filter_information(maps: np.ndarray, explainer: TrainedExplainer) -> np.ndarray:
    """Mutual information of each filter's maps (N, C, h, w) with its part's place, (C,) nats."""
    templates, params = explainer.network.templates.cpu(), explainer.params
    found = [
        filter_loss(each.float(), templates, params.level, params.nowhere)[1]
        for each in torch.from_numpy(maps).split(CHANNELS, 1)
    ]
    return torch.cat(found).numpy()


def _measures(explainer: TrainedExplainer, maps: DatasetMaps) -> Table:
    pairs = zip(explainer.structure.goals, maps.errors.mean(0), strict=True)
    rows: list[list[object]] = [
        ["images", len(maps.index)],
        ["p, the parts' share", round(explainer.network.share, 4)],
        *([f"relative squared error of {goal.layer}", round(float(e), 4)] for goal, e in pairs),
        ["activation left by the masks", round(maps.coverage, 4)],
    ]
    return Table(name="measures", columns=["measure", "value"], rows=rows)


def _gallery(
    explainer: TrainedExplainer, dataset: Dataset, maps: DatasetMaps, best: np.ndarray, count: int
) -> Gallery:
    """Each filter's `count` images with the highest peaks, its part outlined, two to a row."""
    model, data = explainer.performer.model, explainer.data(dataset)
    field = model.layer(explainer.structure.layer).field
    limits = thresholds(maps.parts[:, best], TOP)
    pictures = []
    for k, limit in zip(best, limits, strict=True):
        tiles = []
        for row in np.argsort(-maps.parts[:, k].max((1, 2)), kind="stable")[:count]:
            image = data[int(maps.index[row])].image
            _, placement = model.prepare(image)
            over = placement.grid_to_input(maps.parts[row, k].astype(np.float32), field)
            picture = to_picture(image, model.spec.input.bands)
            tiles.append(outline(picture, placement.to_image(over), float(limit)))
        pictures.append(tiled(tiles, min(count, 2), count))
    return Gallery(
        name="parts",
        layer=explainer.structure.layer,
        pictures=np.stack(pictures),
        captions=[f"filter {k}" for k in best],
    )
