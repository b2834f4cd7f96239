"""What decoupling learned of a model: paths of reference images, work, the training log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.knowledge import Knowledge, find_knowledge
from interp.model import ModelAdapter
from interp.training.samples import Samples, labelled
from interp_decoupling.path import Paths
from interp_decoupling.work import Work

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED = Path(__file__).with_name("models")
"""Models that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class PathSamples:
    """Samples, their paths, and whether each one's class is right (N,)."""

    samples: Samples
    paths: Paths
    right: np.ndarray


@dataclass(frozen=True, eq=False)
class DecouplingKnowledge:
    """Paths and pictures (R, h, w, 3) of images held out of training, the work, the log."""

    paths: Paths
    pictures: np.ndarray
    work: Work
    classes: tuple[str, ...]
    log: list[dict[str, Any]]

    @classmethod
    def of(cls, model: ModelAdapter, knowledge: Knowledge | None = None) -> DecouplingKnowledge:
        """Knowledge given, else beside the model or shipped with it; InputError for none."""
        folders = [Path(model.spec.source), *sorted(SHIPPED.glob("*"))]
        found = find_knowledge("decoupling", model, folders, knowledge)
        if found is None:
            raise InputError(
                f"{model.spec.name} was not trained with controlling modules; train it first: "
                "interp fit --plugin decoupling --model MODEL --data DIR --out B; then --model B"
            )
        return cls.read(found)

    @classmethod
    def read(cls, knowledge: Knowledge) -> DecouplingKnowledge:
        """The contents of a knowledge folder; InputError for a plain twin's."""
        arrays, about = knowledge.arrays, knowledge.about
        if "filters" not in about:
            raise InputError(
                "this model is a plain twin, trained with --gate off: it has no paths; open the "
                "one that was trained with controlling modules"
            )
        with knowledge.as_saved():
            paths = Paths(arrays["codes"].astype(bool), arrays["labels"], about["filters"])
            work = Work.model_validate(about["work"])
            return cls(paths, arrays["pictures"], work, tuple(about["classes"]), about["log"])

    @property
    def filters(self) -> dict[str, int]:
        """Number of filters of each controlled layer."""
        return self.paths.filters

    def codes(self, model: ModelAdapter, images: Tensor) -> np.ndarray:
        """Codes (B, F) bool of images (B, 3, h, w) in [0, 1]: the filters that are on."""
        names = [control_name(each) for each in self.filters]
        present = {each.name for each in model.layers()}
        missing = [each for each in names if each not in present]
        if missing:
            raise InputError(
                f"{model.spec.name} has no layer {missing[0]}, whose output says which filters are "
                "on; open the folder that fit wrote"
            )
        found = model.activations(images, names)
        return np.concatenate([found[each].float().cpu().numpy() > 0.5 for each in names], 1)

    def read_paths(self, model: ModelAdapter, dataset: Dataset, context: Context) -> PathSamples:
        """Paths and answers on a data set's labelled images."""
        samples = labelled(model, dataset, context)
        codes, right = [], []
        for chosen, images in samples.batches(context, "looking at images"):
            codes.append(self.codes(model, images))
            right.append(model.predict(images).argmax(1).cpu().numpy() == samples.labels[chosen])
        paths = Paths(np.concatenate(codes), samples.labels, self.filters)
        return PathSamples(samples, paths, np.concatenate(right))


def control_name(layer: str) -> str:
    """The name of a controlled layer's module, whose output are the codes."""
    return f"{layer}.control"
