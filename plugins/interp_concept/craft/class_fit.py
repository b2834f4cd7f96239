"""One class's concepts: its images' pieces factorised, the factors weighed, kept on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.cut import Cut
from interp.model import ModelAdapter
from interp.storage.folder import whole_file
from interp_concept.craft.params import CraftParams
from interp_concept.craft.piece import collect_pieces
from interp_concept.decoding import EncodedImage, masked_scores
from interp_concept.factorization import factorise
from interp_concept.grouping import Grouped
from interp_concept.sobol import total_indices

DISTINCT = 1e-5
"""Singular values of activations below this share of the largest are rounding."""


@dataclass(frozen=True, eq=False)
class ClassConcepts:
    """The concepts of a class, the most important first.

    bank (R, C); importance (R,), the mean total index over images, with standard_error (R,);
    tiles (R, E, s, s, 3) uint8, the pieces that have each concept most.
    """

    bank: np.ndarray
    importance: np.ndarray
    standard_error: np.ndarray
    tiles: np.ndarray
    about: dict[str, Any]

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> ClassConcepts:
        """The concepts from arrays by name, as `arrays` gives them."""
        names = [each.name for each in fields(cls) if each.name != "about"]
        return cls(**{name: arrays[name] for name in names}, about=about)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {key: np.ascontiguousarray(each) for key, each in named.items() if key != "about"}

    def save(self, file: Path) -> None:
        """Write the concepts to a file, whole or not at all."""
        from safetensors.numpy import save_file

        with whole_file(file) as draft:
            save_file(self.arrays, draft, metadata={"about": json.dumps(self.about)})

    @classmethod
    def open(cls, file: Path) -> ClassConcepts:
        """The concepts that save wrote."""
        from safetensors import safe_open

        with safe_open(file, "np") as held:
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
            return cls.of(arrays, json.loads(held.metadata()["about"]))


@dataclass(frozen=True, eq=False)
class ClassFit:
    """Learns the concepts of one class, an index of the model's."""

    model: ModelAdapter
    cut: Cut
    images: Grouped
    label: int
    params: CraftParams
    context: Context

    def learn(self) -> ClassConcepts | None:
        """The class's concepts; None where its images show fewer than two.

        Not more than the activations have directions: the others would follow from rounding.
        """
        pieces = collect_pieces(self.cut, self._inputs, self.params, self.context)
        directions = int(torch.linalg.matrix_rank(pieces.values.double(), rtol=DISTINCT))
        count = min(self.params.concepts, directions)
        if count < 2:
            return None
        factors = factorise(pieces.values, count, self.context.seed)
        rest = pieces.values - factors.coefficients @ factors.bank
        error = float(rest.square().sum() / pieces.values.square().sum().clamp(min=1e-30))
        importance, facts = self._importance(factors.bank.float())
        order = np.argsort(-importance.mean(0), kind="stable")
        spread = importance.std(0, ddof=1) / np.sqrt(len(importance))
        columns = factors.coefficients.cpu().numpy().T[order]
        return ClassConcepts(
            factors.bank.float().cpu().numpy()[order],
            importance.mean(0)[order].astype(np.float32),
            spread[order].astype(np.float32),
            np.stack([pieces.tiles(self.model, each, self.params) for each in columns]),
            {"images": len(self._inputs), "pieces": len(pieces.places), "concepts": count}
            | {"error": round(error, 4), **facts},
        )

    @cached_property
    def _inputs(self) -> list[Tensor]:
        return list(self.images.inputs(self.model, self.label))

    def _importance(self, bank: Tensor) -> tuple[np.ndarray, dict[str, Any]]:
        """Total indices (N, R) of the class's score on some images; how faithful decoding is."""
        found, r2, same = [], [], []
        scored = self._inputs[: self.params.scored]
        masks = self.context.samples(self.params.masks)
        for at, pixels in enumerate(scored):
            self.context.out_of_time()
            self.context.progress("importance", at + 1, len(scored))
            image = EncodedImage(self.model, self.cut, self.cut.prefix(pixels[None]), bank)
            random = self.params.design == "random"
            scores = masked_scores(image, masks, random, self.params.output, self.context)
            found.append(total_indices(scores[..., [self.label]], len(bank)).values[0])
            r2.append(image.r2)
            same.append(image.same_answer)
        return np.stack(found), {
            "r2": round(float(np.mean(r2)), 4),
            "same_answer": round(float(np.mean(same)), 4),
        }
