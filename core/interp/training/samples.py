"""Images at a network's input size with labels, in memory where they fit; splits and order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from interp.class_match import match_classes
from interp.context import Context
from interp.dataset import Dataset, Example, TolerantReader
from interp.engine.random import draw_bits
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.network.device import send

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BATCH = 64


@dataclass(frozen=True, eq=False)
class Samples:
    """Images of a data set, given by their `places` in it (N,), with labels (N,).

    `pixels` (M, C, h, w) uint8 are all readable images in memory, `rows` (N,) those of these
    samples. Without pixels images are read from the data set each time.
    """

    model: ModelAdapter
    dataset: Dataset
    places: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    pixels: Tensor | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, chosen: np.ndarray) -> Tensor:
        """Images (B, 3, h, w) uint8 at the network's input size."""
        import torch

        if self.pixels is not None:
            return self.pixels[send(self.rows[chosen], self.pixels.device)]
        return torch.stack(
            [_prepared(self.model, self.dataset[int(at)].image) for at in self.places[chosen]]
        )

    def batches(
        self,
        context: Context,
        label: str = "",
        size: int = BATCH,
        device: torch.device | None = None,
    ) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Rows (B,) and images (B, 3, h, w) in [0, 1], on the model's device unless one is given.

        Progress is reported under `label`.
        """
        for chosen in np.array_split(np.arange(len(self)), -(-len(self) // size)):
            context.out_of_time()
            context.progress(label, int(chosen[-1]) + 1, len(self))
            yield chosen, self.images(chosen).to(device or self.model.spec.device).float() / 255

    def split(self, share: float, seed: int) -> tuple[Samples, Samples]:
        """Two parts: the rest, and a random share of each class, one image or more."""
        order = np.argsort(draw_bits(seed, "split", 0, len(self)), kind="stable")
        apart = np.zeros(len(self), bool)
        for label in np.unique(self.labels):
            members = order[self.labels[order] == label]
            apart[members[: max(1, round(share * len(members)))]] = True
        return self.part(np.flatnonzero(~apart)), self.part(order[apart[order]])

    def near(self, device: torch.device) -> Samples:
        """The samples with pixels on a GPU, where they take at most half of its free memory."""
        import torch

        if self.pixels is None or device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        if self.pixels.nbytes > free // 2:
            return self
        return replace(self, pixels=self.pixels.to(device))

    def alternate(self) -> np.ndarray:
        """Every other sample of each class, (N,) bool, to choose by; the rest is to measure on."""
        found = np.zeros(len(self), bool)
        for label in np.unique(self.labels):
            found[np.flatnonzero(self.labels == label)[::2]] = True
        return found

    def part(self, chosen: np.ndarray) -> Samples:
        """The samples at some rows."""
        return replace(
            self, places=self.places[chosen], labels=self.labels[chosen], rows=self.rows[chosen]
        )


def labelled(model: ModelAdapter, dataset: Dataset, context: Context) -> Samples:
    """The data's labelled images, labels being the model's classes; InputError for others."""
    return gather(model, dataset, matched(model, dataset), context)


def matched(model: ModelAdapter, dataset: Dataset, remedy: str = "") -> list[int]:
    """The model's class of each of the data's; InputError, ending with a remedy, for others."""
    found = match_classes(dataset.classes, model.spec.classes)
    labels = [each for each in found.labels if each is not None]
    if len(labels) < len(found.labels):
        message = f"the data's classes are not {model.spec.name}'s: {'; '.join(found.notes)}"
        raise InputError(f"{message}; {remedy}" if remedy else message)
    return labels


def matched_all(model: ModelAdapter, dataset: Dataset, remedy: str, otherwise: str) -> list[int]:
    """As `matched`; InputError, with `otherwise` as alternative, unless data show every class."""
    found = matched(model, dataset, remedy)
    missing = [name for at, name in enumerate(model.spec.classes) if at not in found]
    if missing:
        raise InputError(
            f"found no images of {len(missing)} of {model.spec.name}'s {len(model.spec.classes)} "
            f"classes ({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}); add some, "
            f"or {otherwise}"
        )
    return found


def gather(
    model: ModelAdapter, dataset: Dataset, classes: Sequence[int], context: Context
) -> Samples:
    """Every image that can be read and has a label; label i becomes classes[i].

    InputError for a label that is no class, and for classes without images.
    """

    def label_of(example: Example) -> int | None:
        if example.label is None:
            return None
        if not 0 <= example.label < len(classes):
            raise InputError(
                f"image {example.name} has label {example.label}; expected 0 to "
                f"{len(classes) - 1}, the data's classes; correct its label"
            )
        return classes[example.label]

    samples = _gather(model, dataset, label_of, context)
    _check_classes(dataset, classes, samples.labels.tolist())
    known = match_classes(dataset.classes, model.spec.classes)
    assumed = known.notes if known.labels == tuple(classes) else ()
    return replace(samples, notes=(*assumed, *samples.notes))


def gather_unlabelled(model: ModelAdapter, dataset: Dataset, context: Context) -> Samples:
    """Every image that can be read; the data's labels are left out, and all labels are 0."""
    return _gather(model, dataset, lambda _: 0, context)


def _gather(
    model: ModelAdapter,
    dataset: Dataset,
    label_of: Callable[[Example], int | None],
    context: Context,
) -> Samples:
    """Images with a label, kept in memory where they take no more than the budget's."""
    import torch

    shape = (len(dataset), model.spec.input.channels, *model.spec.input.size)
    fits = math.prod(shape) <= context.budget.memory
    pixels = torch.empty(shape, dtype=torch.uint8) if fits else None
    reader, unlabelled = TolerantReader(dataset), 0
    places: list[int] = []
    labels: list[int] = []
    for index, example in reader.examples():
        context.out_of_time()
        context.progress("reading images", index + 1, len(dataset))
        label = None if example is None else label_of(example)
        if example is None or label is None:
            unlabelled += example is not None
            continue
        if pixels is not None:
            pixels[len(places)] = _prepared(model, example.image)
        labels.append(label)
        places.append(index)
    notes = reader.notes()
    if unlabelled:
        notes.append(f"{unlabelled} images without a label were left out")
    kept = None if pixels is None else pixels[: len(places)]
    rows = np.arange(len(places))
    return Samples(
        model, dataset, np.array(places, int), np.array(labels, int), rows, kept, tuple(notes)
    )


def ordered(seed: int, epoch: int, count: int, batch_size: int) -> list[np.ndarray]:
    """Batches of nearly equal size of every sample once, in the order of (seed, epoch)."""
    order = np.argsort(draw_bits(seed, "order", epoch, count), kind="stable")
    return np.array_split(order, -(-count // batch_size))


def _prepared(model: ModelAdapter, image: np.ndarray) -> Tensor:
    """An original image (H, W, C) at the network's input size, (C, h, w) uint8 on the CPU."""
    import torch

    pixels, _ = model.prepare(image)
    return (pixels * 255).round().clamp(0, 255).to(torch.uint8).cpu()


def _check_classes(dataset: Dataset, classes: Sequence[int], labels: list[int]) -> None:
    """Raise InputError unless there are two classes or more, and images of each."""
    if len(classes) < 2:
        raise InputError(
            f"found {len(classes)} class in the data; expected two or more; "
            "add a folder for each class"
        )
    empty = [
        name
        for name, label in zip(dataset.classes, classes, strict=True)
        if labels.count(label) < 2  # one to learn from, one to check with
    ]
    if empty:
        raise InputError(
            f"found fewer than two images of {', '.join(empty[:5])}"
            f"{', ...' if len(empty) > 5 else ''}; expected two or more of every class; add some, "
            "or leave the class out"
        )
