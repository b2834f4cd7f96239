"""Choosing many images: a registered data set, or a folder of those given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.dataset import Dataset, open_dataset
from interp.errors import blamed
from interp.registry import Registry
from interp_dashboard.session import registry, setting

HELP = "Generated ones know the truth. Folders are those that the dashboard was started with."


@dataclass(frozen=True)
class Data:
    """A folder's path, or a registered data set's name and how many images of it."""

    name: str
    count: int
    seed: int = 0

    def open(self, known: Registry) -> Dataset:
        """The images."""
        if Path(self.name).is_absolute():
            return open_dataset(self.name)
        with blamed(self.name):
            made: Dataset = known.get("dataset", self.name)(self.count, self.seed)
        return made


def choose_data(place: Any, label: str) -> str:
    """A registered data set's name, or the path of a folder."""
    offered = {
        **{f"{each.name} (generated)": each.name for each in registry().entries("dataset")},
        **{name: str(path.resolve()) for name, path in setting().image_folders().items()},
    }
    picked: str = place.selectbox(label, list(offered), help=HELP)
    return offered[picked]
