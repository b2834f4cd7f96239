"""Activations of images that show concepts: of whole images, or of the parts of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.cut import Cut
from interp.dataset import Dataset, Example, Instance, Part, TolerantReader
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp_concept.crop import Square, around, centres, enlarge, tile
from interp_concept.tcav.params import TcavParams

OTHERS = "others"
"""Counter-examples that are the other concepts' images."""
PER_IMAGE = 2
"""Of data with parts, at most so many images are read for each one that is wanted."""


class Sample(NamedTuple):
    """One example of a concept: the layer's mean activation (C,), and a picture of it."""

    concept: str
    row: np.ndarray
    picture: np.ndarray


@dataclass(frozen=True, eq=False)
class Sampler:
    """Reads examples of concepts from a data set; `reader` has its notes afterwards."""

    model: ModelAdapter
    cut: Cut
    dataset: Dataset
    params: TcavParams
    context: Context
    reader: TolerantReader = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader", TolerantReader(self.dataset))

    def collect(self) -> dict[str, list[Sample]]:
        """Up to params.images examples of each concept, in an order that the seed decides."""
        found: dict[str, list[Sample]] = {}
        parts = self.params.source == "parts"
        if not parts and not self.dataset.classes:
            raise InputError(
                "found images without classes; expected a folder of images for each concept, or "
                "objects with parts and --source parts"
            )
        count = len(self.dataset)
        random = np.random.Generator(np.random.Philox(self.context.seed))
        order = random.permutation(count).tolist()
        most = PER_IMAGE * self.params.images
        if self.params.each_class:
            most *= max(1, len(self.dataset.classes))
        order = order[:most] if parts else order
        for done, (_, example) in enumerate(self.reader.examples(order), 1):
            self.context.out_of_time()
            self.context.progress("reading concepts", done, len(order))
            if example is None or (not parts and self._full(found, example)):
                continue
            for each in self._parts(example, random) if parts else self._whole(example):
                kept = found.setdefault(each.concept, [])
                if len(kept) < self.params.images:
                    kept.append(each)
        return found

    def _full(self, found: dict[str, list[Sample]], example: Example) -> bool:
        if example.label is None:
            return True
        name = self.dataset.classes[example.label]
        return len(found.get(name, ())) >= self.params.images

    def _whole(self, example: Example) -> Iterator[Sample]:
        """The image itself, an example of its class."""
        assert example.label is not None  # noqa: S101 - _full has looked
        pixels, _ = self.model.prepare(example.image)
        side = min(pixels.shape[1:])
        middle = around((pixels.shape[1] / 2, pixels.shape[2] / 2), _size(pixels), side)
        picture = tile(self.model, pixels, middle, self.params.picture)
        row = self.cut.prefix(pixels[None]).activation[0].float().mean((1, 2))
        yield Sample(self.dataset.classes[example.label], _plain(row), picture)

    def _parts(self, example: Example, random: np.random.Generator) -> Iterator[Sample]:
        """Each part of the objects, and one square anywhere as a counter-example."""
        pixels, placement = self.model.prepare(example.image)
        size = _size(pixels)
        side = max(1, round(self.params.crop * min(size)))
        named = [
            (self._name(instance, part), around(_to_input(part.centre, placement), size, side))
            for instance in example.instances
            for part in instance.parts
        ]
        if not named:
            return
        if self.params.counter != OTHERS:
            anywhere = (random.uniform(0, size[0]), random.uniform(0, size[1]))
            named.append((self.params.counter, around(anywhere, size, side)))
        rows = self._rows(pixels, [square for _, square in named])
        for (name, square), row in zip(named, rows, strict=True):
            yield Sample(name, _plain(row), tile(self.model, pixels, square, self.params.picture))

    def _name(self, instance: Instance, part: Part) -> str:
        own = f"{self.dataset.classes[instance.label]} " if self.params.each_class else ""
        return f"{own}{part.name}"

    def _rows(self, pixels: Tensor, squares: list[Square]) -> Tensor:
        """The mean activation of each square, (N, C): of its cells, or of the enlarged crop."""
        if self.params.pieces == "crops":
            return self.cut.prefix(enlarge(pixels, squares)).activation.float().mean((2, 3))
        maps = self.cut.prefix(pixels[None]).activation[0].float()
        rows, columns = map(np.array, centres(self.cut.layer, _size(pixels), tuple(maps.shape[1:])))
        return torch.stack([_mean_inside(maps, each, rows, columns) for each in squares])


def _mean_inside(maps: Tensor, square: Square, rows: np.ndarray, columns: np.ndarray) -> Tensor:
    """The mean of the cells whose centres lie in a square, one or more, (C,)."""
    chosen = []
    for places, start in ((rows, square.top), (columns, square.left)):
        inside = np.flatnonzero((places >= start) & (places <= start + square.side))
        nearest = np.abs(places - start - square.side / 2).argmin()
        chosen.append(inside if len(inside) else np.array([nearest]))
    down, across = (torch.from_numpy(each).to(maps.device) for each in chosen)
    return maps[:, down][:, :, across].mean((1, 2))


def _to_input(centre: tuple[float, float], placement: Placement) -> tuple[float, float]:
    """A point (x, y) of the original image as (y, x) in the network's input."""
    y, x = (
        at * scale + shift
        for at, scale, shift in zip(centre[::-1], placement.scale, placement.shift, strict=True)
    )
    return y, x


def _size(pixels: Tensor) -> tuple[int, int]:
    return int(pixels.shape[1]), int(pixels.shape[2])


def _plain(row: Tensor) -> np.ndarray:
    return np.asarray(row.cpu().numpy())
