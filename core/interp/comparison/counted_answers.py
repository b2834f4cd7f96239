"""The model's answers to one image, counted as a method asks for them."""

from __future__ import annotations

from dataclasses import dataclass

from interp.lazy_type import Tensor
from interp.memory import Answers


@dataclass
class CountedAnswers(Answers):
    """Cached model answers, and how many the model had to compute; None: none were requested."""

    evaluated: int | None = None

    def get(self, key: tuple[str, str, int]) -> Tensor | None:
        self.evaluated = self.evaluated or 0
        return super().get(key)

    def put(self, key: tuple[str, str, int], scores: Tensor) -> None:
        self.evaluated = (self.evaluated or 0) + len(scores)
        super().put(key, scores)
