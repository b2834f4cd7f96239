"""What was learned of a model: the explainer network, its structure, the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from interp.errors import InputError
from interp.knowledge import Knowledge, learned_of
from interp_explainer.crop import Crops
from interp_explainer.network import ExplainerNetwork, build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer
from interp_explainer.structure import Structure

if TYPE_CHECKING:
    from torch import Tensor

    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_explainer.network import Rebuilt

SHIPPED = Path(__file__).with_name("knowledge")
"""Explainers of the networks that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class Known:
    """An explainer ready to be asked, beside its performer."""

    performer: Performer
    network: ExplainerNetwork
    params: ExplainerParams
    """What it was trained with."""
    log: list[dict[str, Any]]

    @classmethod
    def open(cls, model: ModelAdapter, knowledge: Knowledge) -> Known:
        """What a knowledge folder says of this model."""
        about = knowledge.about
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
        """Layers and shapes."""
        return self.performer.structure

    def look(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...], Rebuilt]:
        """F, the goals, and what the explainer makes of F; RGB in [0, 1] (B, 3, ., .)."""
        maps, goals = self.performer.look(images)
        with torch.no_grad():
            return maps, goals, self.network(maps)

    def seen(self, dataset: Dataset) -> Dataset:
        """A data set as the explainer was trained to see it: cut to boxes, or as it is."""
        return Crops(dataset, self.params.crop) if self.params.crop else dataset


def known_of(
    model: ModelAdapter, knowledge: Knowledge | None = None, folder: str | None = None
) -> Known:
    """What is given, or lies in the folder, or else is shipped; InputError for none."""
    if knowledge is None:
        knowledge = Knowledge.open(Path(folder)) if folder else shipped(model)
    if knowledge is None:
        raise InputError(
            f"no explainer of {model.spec.name} was learned; learn one first: interp fit --plugin "
            "explainer --model MODEL --data DIR --out K; then --knowledge K"
        )
    knowledge.check("explainer", model)
    return Known.open(model, knowledge)


def shipped(model: ModelAdapter) -> Knowledge | None:
    """The explainer that comes with the project, if this is one of its networks or an export."""
    return learned_of(model, sorted(SHIPPED.glob("*")))
