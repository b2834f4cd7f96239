"""An explainer on a data set: its log, its measures, and each filter's part on its best images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from interp.evaluation.dissection import thresholds
from interp.evidence import Curve, Evidence, Gallery, Table
from interp.explanation import Explanation
from interp_explainer.course import coverage, relative_error
from interp_explainer.information import filter_loss
from interp_explainer.look import sights
from interp_explainer.picture import outline, tiled

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp_explainer.known import Known
    from interp_explainer.params import ExplainerParams

TOP = 0.005
"""Share of a filter's cells on all images that is its part: P(x > T) = .005."""
CHANNELS = 32
"""Filters whose information is computed at once."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Of N images: numbers, part maps and unmasked maps (N, C, h, w), errors (N, L), coverage."""

    index: np.ndarray
    parts: np.ndarray
    second: np.ndarray
    errors: np.ndarray
    coverage: float

    @property
    def fired(self) -> np.ndarray:
        """The share of images on which each filter has a part, (C,)."""
        found: np.ndarray = (self.parts.max((2, 3)) > 0).mean(0)
        return found


def survey(
    known: Known, dataset: Dataset, params: ExplainerParams, context: Context
) -> Explanation:
    """Evidence of no single image; filters by information, as far as they fire."""
    seen = look(known, dataset, params.looked_at, context)
    information = informed(seen.second, known)
    best = np.argsort(-information * seen.fired, kind="stable")[: params.gallery]
    evidence: list[Evidence] = [curves(known)] if known.log else []
    evidence += [_measures(known, seen), _filters(best, information, seen)]
    evidence.append(_gallery(known, dataset, seen, best, params.examples))
    return Explanation(tuple(evidence))


def look(known: Known, dataset: Dataset, most: int, context: Context) -> Seen:
    """The first images' maps, in half precision: they are many."""
    index, parts, second, errors, covered = [], [], [], [], []
    for each in sights(known, dataset, context, most):
        index.append(each.index)
        parts.append(each.parts.astype(np.float16))
        second.append(each.answer.encoded.second[0].cpu().numpy().astype(np.float16))
        pairs = zip(each.answer.goals, each.goals, strict=True)
        errors.append([float(relative_error(*pair)) for pair in pairs])
        covered.append(coverage(each.answer.encoded))
    maps = (np.stack(parts), np.stack(second))
    return Seen(np.array(index), *maps, np.array(errors), float(np.mean(covered)))


def informed(maps: np.ndarray, known: Known) -> np.ndarray:
    """Mutual information of each filter's maps (N, C, h, w) with its part's place, (C,) nats."""
    templates = known.network.templates.cpu()
    pieces = torch.from_numpy(maps).split(CHANNELS, 1)
    level, nowhere = known.params.level, known.params.nowhere
    found = [filter_loss(each.float(), templates, level, nowhere)[1] for each in pieces]
    return torch.cat(found).numpy()


def curves(known: Known) -> Curve:
    """The log: held-out errors, p, coverage, information, after each epoch."""
    named = list(
        dict.fromkeys(key for row in known.log for key in row if key not in ("epoch", "loss"))
    )
    shown = [name for name in named if all(name in row for row in known.log)]
    return Curve(
        name="training",
        x=np.array([row["epoch"] for row in known.log], float),
        values=np.array([[row[name] for row in known.log] for name in shown], float),
        series=shown,
        x_label="epoch",
        y_label="relative error, or share",
    )


def _measures(known: Known, seen: Seen) -> Table:
    rows: list[list[object]] = [["images", len(seen.index)]]
    rows.append(["p, the parts' share", round(known.network.share, 4)])
    for goal, error in zip(known.structure.goals, seen.errors.mean(0), strict=True):
        rows.append([f"relative squared error of {goal.layer}", round(float(error), 4)])
    rows.append(["activation left by the masks", round(seen.coverage, 4)])
    return Table(name="measures", columns=["measure", "value"], rows=rows)


def _filters(best: np.ndarray, information: np.ndarray, seen: Seen) -> Table:
    fired = seen.fired
    return Table(
        name="filters",
        columns=["filter", "information, nats", "share of images it fires on"],
        rows=[[int(k), round(float(information[k]), 4), round(float(fired[k]), 3)] for k in best],
    )


def _gallery(
    known: Known, dataset: Dataset, seen: Seen, best: np.ndarray, examples: int
) -> Gallery:
    """For each filter the images with its highest peaks, its part outlined, two to a row."""
    limits = thresholds(seen.parts[:, best], TOP)
    pictures = []
    for at, k in enumerate(best):
        peaks = seen.parts[:, k].max((1, 2))
        top = np.argsort(-peaks, kind="stable")[:examples]
        tiles = list(_tiles(known, dataset, seen, k, top, float(limits[at])))
        blank = np.full_like(tiles[0], 255)
        tiles += [blank] * (examples - len(tiles))  # every filter's picture is of one size
        pictures.append(tiled(tiles, min(examples, 2)))
    return Gallery(
        name="parts",
        layer=known.structure.layer,
        pictures=np.stack(pictures),
        captions=[f"filter {k}" for k in best],
    )


def _tiles(
    known: Known, dataset: Dataset, seen: Seen, k: int, top: np.ndarray, limit: float
) -> Iterator[np.ndarray]:
    model, data = known.performer.model, known.seen(dataset)
    field = model.layer(known.structure.layer).field
    for row in top:
        image = data[int(seen.index[row])].image
        _, placement = model.prepare(image)
        cells = seen.parts[row, k].astype(np.float32)
        yield outline(image, placement.to_image(placement.grid_to_input(cells, field)), limit)
