"""The maps of a network that are compared with the parts: concepts, filters, channels, parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from cached import Cached
from record import print_progress

from interp.context import Context
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_chip.knowledge import ChipKnowledge
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_concept.craft.fit import fit as fit_craft
from interp_concept.craft.knowledge import CraftKnowledge
from interp_concept.craft.params import CraftParams
from interp_concept.factorization import encode
from interp_concept.tcav.fit import fit as fit_tcav
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.params import TcavParams
from interp_creatures.dataset import Creatures
from interp_explainer.knowledge import SHIPPED, TrainedExplainer
from interp_standard.baseline import centred_gaussian

LEARNED = 7001
"""Seed of the images that are learned from."""
CRAFT: dict[str, dict[str, Any]] = {
    "cells": {"scored": 5, "masks": 500},
    "crops": {"scored": 5, "masks": 500, "pieces": "crops"},
}
"""Kinds of concepts, and their parameters."""
BLIND = "centre"
Maps = Callable[[torch.Tensor, int], np.ndarray]
"""The maps (K, gh, gw) of an input (3, h, w) and a class."""


@dataclass(frozen=True, eq=False)
class ConceptMaps:
    """One network, and what was learned of it from `learned` images."""

    name: str
    learned: int

    @cached_property
    def sets(self) -> dict[str, tuple[Any, Maps]]:
        """Each set's maps by name, and the receptive field of their cells; None: of pixels."""
        place = self.model.layer(self.layer).field
        found: dict[str, tuple[Any, Maps]] = {
            **{f"craft {kind}": (place, self._craft(each)) for kind, each in self.craft.items()},
            "tcav directions": (place, self._tcav),
            "filters": (place, lambda pixels, _: self._activation(pixels)),
            "chip channels": (place, self._chip),
            BLIND: (None, lambda pixels, _: centred_gaussian(tuple(pixels.shape[1:]))[None]),
        }
        if (SHIPPED / self.name).is_dir():
            explainer = TrainedExplainer.of(self.model)
            field = self.model.layer(explainer.structure.layer).field
            found["explainer parts"] = (field, lambda p, _: explainer.run(p[None]).parts)
        return found

    def _craft(self, known: CraftKnowledge) -> Maps:
        def maps(pixels: torch.Tensor, label: int) -> np.ndarray:
            cells = torch.from_numpy(self._activation(pixels))
            bank = torch.from_numpy(known.classes[label].bank)
            found = encode(cells.flatten(1).T, bank).T
            return np.asarray(found.reshape(-1, *cells.shape[1:]).numpy())

        return maps

    def _tcav(self, pixels: torch.Tensor, label: int) -> np.ndarray:
        return np.tensordot(self.tcav("all").directions, self._activation(pixels), 1)

    def _chip(self, pixels: torch.Tensor, label: int) -> np.ndarray:
        """The ten channels that speak most for the class."""
        weights = self.chip.layers[self.layer].weights[self.chip.classes.index(label)]
        return self._activation(pixels)[np.argsort(-weights)[:10]]

    def _activation(self, pixels: torch.Tensor) -> np.ndarray:
        return np.asarray(self.cut.prefix(pixels[None]).activation[0].float().numpy())

    @cached_property
    def model(self) -> ModelAdapter:
        return open_model(self.name, ModelOptions(device="cpu"), Registry.load())

    @cached_property
    def cut(self) -> Any:
        return self.model.cut(self.layer)

    @cached_property
    def layer(self) -> str:
        return self.model.map_layer().name

    @cached_property
    def data(self) -> Cached:
        return Cached(Creatures(self.learned, LEARNED, two=False))

    @cached_property
    def context(self) -> Context:
        return Context(progress=print_progress(self.name))

    @cached_property
    def craft(self) -> dict[str, CraftKnowledge]:
        return {
            kind: CraftKnowledge.read(
                fit_craft(self.model, self.data, CraftParams(**params), self.context)
            )
            for kind, params in CRAFT.items()
        }

    def tcav(self, within: str) -> TcavKnowledge:
        """Directions of the five parts, or of each class's parts."""
        if within not in self._tcavs:
            own = within == "class"
            counter = "others" if own else "random"
            params = TcavParams(source="parts", each_class=own, counter=counter)
            found = fit_tcav(self.model, self.data, params, self.context)
            self._tcavs[within] = TcavKnowledge.find(self.model, found, params)
        return self._tcavs[within]

    @cached_property
    def _tcavs(self) -> dict[str, TcavKnowledge]:
        return {}

    @cached_property
    def chip(self) -> ChipKnowledge:
        params = ChipParams(layer=(self.layer,), masks=400, images=20)
        return ChipKnowledge.read(Chip(params).fit(self.model, self.data, self.context))
