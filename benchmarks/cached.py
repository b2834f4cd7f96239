"""A data set for studies that go through it many times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interp.dataset import Dataset, Example


@dataclass(frozen=True, eq=False)
class Cached(Dataset):
    """A data set whose images are drawn or read once and then held in memory."""

    whole: Dataset

    @cached_property
    def examples(self) -> list[Example]:
        return list(self.whole)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.whole.classes

    @property
    def fingerprint(self) -> str:
        return self.whole.fingerprint

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]
