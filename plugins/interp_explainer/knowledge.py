"""A trained explainer beside its performer, opened from knowledge and run on images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.dataset import Dataset, Example, TolerantReader
from interp.errors import InputError
from interp.knowledge import Knowledge, find_knowledge
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp_explainer.network import ExplainerNetwork, Rebuilt, build
from interp_explainer.object_crop import ObjectCrops
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer
from interp_explainer.structure import Structure
from interp_explainer.training_task import relative_error

SHIPPED = Path(__file__).with_name("knowledge")
"""Explainers of the networks that come with the project, one folder each."""


class ForwardPass(NamedTuple):
    """Images through performer and explainer: F, the goals x*, and what the explainer gives."""

    maps: Tensor
    goals: tuple[Tensor, ...]
    rebuilt: Rebuilt

    @property
    def parts(self) -> np.ndarray:
        """The part maps of the first image, (C, h, w)."""
        return np.asarray(self.rebuilt.encoded.parts[0].cpu().numpy())

    @property
    def errors(self) -> list[float]:
        """The relative squared error of each goal."""
        pairs = zip(self.rebuilt.goals, self.goals, strict=True)
        return [float(relative_error(*pair)) for pair in pairs]


@dataclass(frozen=True, eq=False)
class Observation:
    """One image of a data set: its index and truth, its place in the input, its forward pass."""

    index: int
    example: Example
    placement: Placement
    pixels: Tensor
    """The model's input (3, h, w) RGB in [0, 1]."""
    forward: ForwardPass


@dataclass(frozen=True, eq=False)
class TrainedExplainer:
    """An explainer network ready to run, beside its performer."""

    performer: Performer
    network: ExplainerNetwork
    params: ExplainerParams
    """The parameters of its training."""
    log: list[dict[str, Any]]

    @classmethod
    def of(
        cls, model: ModelAdapter, knowledge: Knowledge | None = None, folder: str | None = None
    ) -> TrainedExplainer:
        """The explainer in `knowledge`, in the folder, or shipped; InputError for none."""
        given = Knowledge.open(Path(folder)) if knowledge is None and folder else knowledge
        found = find_knowledge("explainer", model, sorted(SHIPPED.glob("*")), given)
        if found is None:
            raise InputError(
                f"no explainer of {model.spec.name} was learned; learn one first: interp fit "
                "--plugin explainer --model MODEL --data DIR --out K; then --knowledge K"
            )
        return cls.read(model, found)

    @classmethod
    def read(cls, model: ModelAdapter, knowledge: Knowledge) -> TrainedExplainer:
        """The explainer of this model from the content of a knowledge folder."""
        about = knowledge.about
        with knowledge.as_saved():
            structure = Structure.model_validate(about["structure"])
            params = ExplainerParams.model_validate(about["params"])
            network = build(structure, params)
            network.load_state_dict(
                {name: torch.from_numpy(each.copy()) for name, each in knowledge.arrays.items()}
            )
        network = network.to(torch.device(model.spec.device)).eval()
        return cls(Performer(model, structure), network, params, about["log"])

    @property
    def structure(self) -> Structure:
        """The layers that are read and rebuilt, with their shapes."""
        return self.performer.structure

    def run(self, images: Tensor) -> ForwardPass:
        """The forward pass of images (B, 3, h, w) RGB in [0, 1]."""
        maps, goals = self.performer.activations(images)
        with torch.no_grad():
            return ForwardPass(maps, goals, self.network(maps))

    def data(self, dataset: Dataset) -> Dataset:
        """A data set as in training: cropped to objects, or as it is."""
        return ObjectCrops(dataset, self.params.crop) if self.params.crop else dataset

    def run_all(
        self, dataset: Dataset, context: Context, most: int | None = None
    ) -> Iterator[Observation]:
        """Forward passes of the first `most` images that can be read; InputError for none."""
        data = self.data(dataset)
        count = len(data) if most is None else min(most, len(data))
        reader, seen = TolerantReader(data), 0
        for index, example in reader.examples(range(count)):
            context.out_of_time()
            context.progress("looking at images", index + 1, count)
            if example is not None:
                seen += 1
                pixels, placement = self.performer.model.prepare(example.image)
                yield Observation(index, example, placement, pixels, self.run(pixels[None]))
        if not seen:
            raise InputError(f"found no image that can be used; {'; '.join(reader.notes())}")
