"""The generated data set: creatures whose class is the shapes of their head and tail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp_creatures.config import CONFIG, EASY, SCENE, Config
from interp_creatures.species import CLASSES, OTHERS

VERSION = 1  # of the drawing: another number means other images for the same seed


@dataclass(frozen=True, eq=False)
class Creatures(Dataset):
    """`count` images of `seed`; image i is the same whatever the count.

    `two` says whether there is a second creature, always or never; None leaves it to `config`.
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

        self._check(index)
        return draw(self.seed, index, self.two, self.config, hidden)

    def _check(self, index: int) -> None:
        if self.seed < 0:
            raise InputError(f"found seed {self.seed}; expected 0 or more; choose another seed")
        if not 0 <= index < self.count:
            raise IndexError(f"{index} is outside 0..{self.count - 1}")


@dataclass(frozen=True, eq=False)
class Easy(Creatures):
    """One head and one tail an image, without the rest of the creature, and with little nuisance.

    What to begin with when training from random weights: labels of whole creatures alone did not
    teach a network in 24,000 passes, nor a mixture of easy and hard ones in 108,000.
    """

    two: bool | None = False
    config: Config = EASY

    @property
    def fingerprint(self) -> str:
        return f"head and tail of {super().fingerprint}"

    def __getitem__(self, index: int) -> Example:
        return self.without(index, OTHERS)


@dataclass(frozen=True, eq=False)
class Scenes(Creatures):
    """One, two or three creatures an image, of any classes, smaller the more there are.

    The example's label is the first creature's; each instance has its own.
    """

    config: Config = SCENE

    @property
    def fingerprint(self) -> str:
        return f"scenes of {super().fingerprint}"

    def without(self, index: int, hidden: Collection[str]) -> Example:
        from interp_creatures.draw import draw_crowd

        self._check(index)
        return draw_crowd(self.seed, index, self.config, hidden)
