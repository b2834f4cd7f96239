"""The generated data set: creatures told apart only by the shapes of head and tail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

import numpy as np

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp_creatures.config import CONFIG, Config
from interp_creatures.species import CLASSES, DEFINING

VERSION = 1  # of the drawing: another number means other images for the same seed


@dataclass(frozen=True, eq=False)
class Creatures(Dataset):
    """`count` images of `seed`; image i is the same whatever the count.

    `two` asks for a second creature always or never; None leaves it to the configuration.
    """

    count: int
    seed: int = 0
    two: bool | None = None
    config: Config = CONFIG

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(CLASSES)

    @property
    def fingerprint(self) -> str:
        parts = [VERSION, self.count, self.seed, self.two, asdict(self.config)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        return self.without(index, ())

    def without(self, index: int, hidden: Collection[str]) -> Example:
        """Image `index` with the named parts not drawn and everything else as it was."""
        from interp_creatures.draw import draw

        if self.seed < 0:
            raise InputError(f"found seed {self.seed}; expected 0 or more; choose another seed")
        if not 0 <= index < self.count:
            raise IndexError(f"{index} is outside 0..{self.count - 1}")
        return draw(self.seed, index, self.two, self.config, hidden)


@dataclass(frozen=True, eq=False)
class Graded(Dataset):
    """One creature an image, from easy to hard: a third of head and tail alone on one colour, a
    third whole, both with more and more nuisance, and a third as hard as Creatures are.

    For training from random weights: labels of whole creatures alone do not teach it.
    """

    count: int
    seed: int = 0

    @property
    def classes(self) -> tuple[str, ...]:
        return self._of(1.0).classes

    @property
    def fingerprint(self) -> str:
        return f"graded {self._of(1.0).fingerprint}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        third, difficulty = divmod(3 * index / self.count, 1)
        example = self._of(difficulty if third < 2 else 1.0)[index]
        return example if third else self._defining(example, index)

    def _of(self, difficulty: float) -> Creatures:
        config = CONFIG if difficulty == 1 else CONFIG.eased(difficulty)
        return Creatures(self.count, self.seed, two=False, config=config)

    def _defining(self, example: Example, index: int) -> Example:
        """The example with nothing of it seen but head and tail."""
        from interp_creatures.cover import keep_only
        from interp_creatures.draw import tight_box

        (whole,) = example.instances
        parts = tuple(part for part in whole.parts if part.defining)
        seen = np.any([part.mask for part in parts if part.mask is not None], axis=0)
        instance = replace(whole, box=tight_box(seen), mask=seen, parts=parts)
        colour = np.random.default_rng([self.seed, index]).uniform(0, 255, 3)
        image = keep_only(example, DEFINING, colour)
        return replace(example, image=image, instances=(instance,))
