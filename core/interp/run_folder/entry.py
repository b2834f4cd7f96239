"""What became of an image of a folder, and the numbers of its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from interp.errors import InputError
from interp.explanation import Explanation, Prediction
from interp.result.draw import colour_limit, maps_by_target
from interp.spec import Plain


class FolderEntry(Plain):
    """The numbers of an image's bundle; `full` is the |value| drawn in full colour."""

    name: str
    folder: str
    prediction: Prediction
    targets: tuple[str, ...]
    samples: int
    seconds: float
    full: float
    r2: dict[str, float | None]

    @classmethod
    def of(cls, folder: str, found: Explanation) -> Self:
        """The numbers of one image's explanation. Raises InputError where no run made it."""
        made = found.provenance
        if made is None:
            raise InputError(f"{folder} does not say what made it; remove it and run again")
        maps = maps_by_target(found, made.targets)
        return cls(
            name=made.image_names[0],
            folder=folder,
            prediction=made.predictions[0],
            targets=made.targets,
            samples=found.samples,
            seconds=made.seconds,
            full=colour_limit(maps.values()),
            r2={target: each.r2 for target, each in maps.items()},
        )


@dataclass(frozen=True)
class ImageOutcome:
    """What became of an image: a result, unless it is `unreadable` or the method `failed` on it."""

    index: int
    name: str = ""
    notes: tuple[str, ...] = ()
    """What was assumed in reading it."""
    unreadable: str | None = None
    failed: str | None = None
    entry: FolderEntry | None = None
    """None, too, where the result was there before, or the store keeps its numbers."""

    @property
    def tells(self) -> bool:
        """Whether there is anything to be told of it."""
        return bool(self.notes or self.unreadable or self.failed or self.entry)


@dataclass(frozen=True)
class PieceOutcome:
    """What became of the images of a piece: how many they are, and those that tell something."""

    count: int
    told: tuple[ImageOutcome, ...]
