"""A module as its source gave it, with what the source says about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from interp.errors import ModelError, first_line
from interp.spec import Capability
from interp_torch.derived import Recipe
from interp_torch.graph import Graph

RANDOM = "random"
"""The value of --weights that asks for random weights instead of a file's."""
RANDOM_NOTE = "random weights: the answers mean nothing"

NO_LAYERS = frozenset({Capability.ACTIVATIONS, Capability.CUT, Capability.MODULE})
"""What a program does not offer whose layers are no modules of ours."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A module as its source gave it, with what the source says about it; unchecked."""

    module: nn.Module
    name: str
    owned: bool = False
    """Whether the module was made here, so that it may be moved and laid out anew."""
    program: Graph | None = None
    """The graph of an exported program, which is no module with layers of its own."""
    tensors: dict[str, object] | None = None
    """The tensors that are fingerprinted; None: the module's state."""
    input: dict[str, object] = field(default_factory=dict)
    channels: int | None = None
    """Channels of its images, where the source says."""
    classes: tuple[str, ...] | None = None
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    readout: str | None = None
    readout_params: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None
    """The model file; files beside it may name its classes."""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None
    lacking: frozenset[Capability] = frozenset()
    """What a module from this source does not offer."""


@contextmanager
def random_start() -> Iterator[None]:
    """The same random weights every time; the user's random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def unfetched(source: str, error: BaseException) -> ModelError:
    """The error to raise where a download failed."""
    return ModelError(
        f"the weights of {source} could not be fetched ({first_line(error)}); "
        "give a file with --weights FILE, or --weights random"
    )
