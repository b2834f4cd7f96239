"""Choosing a data set: a registered one, or a folder of the images given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interp.dataset import Dataset
from interp.opening.images import open_data
from interp.registry import Registry
from interp_dashboard.session import registry, setting

HELP = (
    "Generated images come with their ground truth. Folders, and files such as tables, are those "
    "given at the start."
)


@dataclass(frozen=True)
class Data:
    """A path, or a registered data set's name and how many images to generate."""

    name: str
    count: int
    seed: int = 0

    def open(self, registered: Registry) -> Dataset:
        """The data set."""
        return open_data(registered, self.name, self.count, self.seed)


def choose_data(place: Any, label: str) -> str:
    """A registered data set's name, or a path."""
    offered = {f"{each.name} (generated)": each.name for each in registry().entries("dataset")}
    offered |= {name: str(path.resolve()) for name, path in setting().data_sets(registry()).items()}
    picked: str = place.selectbox(label, list(offered), help=HELP)
    return offered[picked]
