"""Which images of a data set show a class: by the model's own answer, or by their label."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.dataset import Dataset, TolerantReader
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.storage.folder import whole_file
from interp.target import parse_target
from interp.training.samples import matched

BATCH = 16
By = Literal["predicted", "label"]


@dataclass(frozen=True, eq=False)
class Grouped:
    """Images by class: the model's class index -> indices in the data set."""

    dataset: Dataset
    members: dict[int, list[int]]
    notes: tuple[str, ...]
    chosen: bool = False
    """Whether only the classes that were asked for are there."""

    def inputs(self, model: ModelAdapter, label: int) -> Iterator[Tensor]:
        """The model's inputs (C, h, w) of a class."""
        for index in self.members[label]:
            yield model.prepare(self.dataset[index].image)[0]


def group(
    model: ModelAdapter,
    dataset: Dataset,
    by: By,
    most: int,
    classes: Sequence[str],
    context: Context,
    kept: Path | None = None,
) -> Grouped:
    """Up to `most` images of each class, in an order that the seed decides.

    `classes` names the ones that are wanted, by default all. The result is kept in a file, if one
    is given, and read from there the next time. Unreadable images are left out and named.
    InputError where no image is left.
    """
    if kept is not None and kept.is_file():
        held = json.loads(kept.read_text("utf-8"))
        members = {int(label): found for label, found in held["members"].items()}
        return Grouped(dataset, members, tuple(held["notes"]), bool(classes))
    wanted = {parse_target(name, model.spec.classes).index for name in classes}
    reader, members = TolerantReader(dataset), {}
    for label, index in _labelled(model, reader, by, context):
        found = members.setdefault(label, []) if not wanted or label in wanted else None
        if found is not None and len(found) < most:
            found.append(index)
        if _full(members, wanted or range(len(model.spec.classes)), most):
            break
    if not members:
        notes = "; ".join(reader.notes())
        raise InputError(
            f"found no image of {', '.join(classes) or 'any class'} among {len(dataset)}"
            f"{f' ({notes})' if notes else ''}; give images that the model takes for it"
        )
    grouped = Grouped(dataset, dict(sorted(members.items())), tuple(reader.notes()), bool(classes))
    if kept is not None:
        with whole_file(kept) as draft:
            draft.write_text(json.dumps({"members": grouped.members, "notes": grouped.notes}))
    return grouped


def _full(members: dict[int, list[int]], wanted: Collection[int], most: int) -> bool:
    return all(len(members.get(label, ())) >= most for label in wanted)


def _labelled(
    model: ModelAdapter, reader: TolerantReader, by: By, context: Context
) -> Iterator[tuple[int, int]]:
    """(class of the model, index) of every image that has one."""
    dataset = reader.dataset
    labels = matched(model, dataset) if by == "label" else []
    order = np.random.Generator(np.random.Philox(context.seed)).permutation(len(dataset)).tolist()
    waiting: list[tuple[int, Tensor]] = []
    for done, (index, example) in enumerate(reader.examples(order), 1):
        context.out_of_time()
        context.progress("choosing images", done, len(order))
        if example is not None and by == "label" and example.label is not None:
            yield labels[example.label], index
        elif example is not None and by == "predicted":
            waiting.append((index, model.prepare(example.image)[0]))
        if waiting and (len(waiting) == BATCH or done == len(order)):
            top = model.predict(torch.stack([pixels for _, pixels in waiting])).argmax(1).tolist()
            yield from zip(top, [at for at, _ in waiting], strict=True)
            waiting = []
