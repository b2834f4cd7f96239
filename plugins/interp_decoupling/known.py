"""What is known of a decoupled model: its layers, the paths of reference images, the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge, learned_of
from interp_decoupling.path import Paths
from interp_decoupling.work import Work

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter

SHIPPED = Path(__file__).with_name("models")
"""Models that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class Known:
    """Paths and pictures (R, h, w, 3) of images held out of training, the work, the log."""

    paths: Paths
    pictures: np.ndarray
    work: Work
    classes: tuple[str, ...]
    log: list[dict[str, Any]]

    @classmethod
    def open(cls, knowledge: Knowledge) -> Known:
        """What a knowledge folder says; InputError for a plain twin's."""
        arrays, about = knowledge.arrays, knowledge.about
        if "filters" not in about:
            raise InputError(
                "this model is a plain twin, trained with --gate off: it has no paths; open the "
                "one that was trained with controlling modules"
            )
        paths = Paths(arrays["codes"].astype(bool), arrays["labels"], about["filters"])
        work = Work.of(about["work"])
        return cls(paths, arrays["pictures"], work, tuple(about["classes"]), about["log"])

    @property
    def filters(self) -> dict[str, int]:
        """Each controlled layer's filters."""
        return self.paths.filters

    def read(self, model: ModelAdapter, images: Tensor) -> np.ndarray:
        """Codes (B, F) bool of images (B, 3, h, w) in [0, 1]."""
        names = [module_of(each) for each in self.filters]
        known = {each.name for each in model.layers()}
        missing = [each for each in names if each not in known]
        if missing:
            raise InputError(
                f"{model.spec.name} has no layer {missing[0]}, which tells the filters that are "
                "on; open the folder that fit wrote"
            )
        found = model.activations(images, names)
        return np.concatenate([found[each].float().cpu().numpy() > 0.5 for each in names], 1)


def module_of(layer: str) -> str:
    """The name of a controlled layer's module, whose output are the codes."""
    return f"{layer}.control"


def known_of(model: ModelAdapter, knowledge: Knowledge | None = None) -> Known:
    """What is given, else what lies beside the model or is shipped with it; InputError for none."""
    folders = [Path(model.spec.source), *sorted(SHIPPED.glob("*"))]
    knowledge = knowledge or learned_of(model, folders)
    if knowledge is None:
        raise InputError(
            f"{model.spec.name} was not trained with controlling modules; train it first: "
            "interp fit --plugin decoupling --model MODEL --data DIR --out B; then --model B"
        )
    knowledge.check("decoupling", model)
    return Known.open(knowledge)
