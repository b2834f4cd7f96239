"""A model as its source gave it, before it is checked and described."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from interp_torch.derived import Recipe
from interp_torch.graph import Graph


@dataclass(frozen=True, eq=False)
class Opened:
    """A module and what its source says about it."""

    module: nn.Module
    name: str
    owned: bool = False
    """Whether this was made for us, so that nobody notices a changed memory layout."""
    program: Graph | None = None
    """The graph, where there is no module: layers are known by its metadata alone."""
    tensors: dict[str, object] | None = None
    """What the fingerprint is taken of, where it is not the module's state."""
    input: dict[str, object] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    activation: str | None = None
    file: Path | None = None
    """The model file, whose neighbours may name its classes."""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None
