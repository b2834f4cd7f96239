"""What a model's output means: scores, activation and names, as given or assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.errors import ModelError
from interp.opening.class_readout import ClassReadout
from interp.opening.value_readout import ValueReadout
from interp.readout import OutputDescription, RawOutput, Readout
from interp.spec import ModelOptions
from interp.storage.model_card import ModelCard

if TYPE_CHECKING:
    from torch import Tensor

Lookup = Callable[[str, str], Any]
DEFAULT = "classes"
OWN: dict[str, type[Readout]] = {DEFAULT: ClassReadout, "value": ValueReadout}
"""Readouts that need no registry."""


def describe_output(
    output: object,
    known: ModelCard,
    file: Path | None,
    sidecar: ModelCard,
    options: ModelOptions,
    name: str = "the model",
    ask: Callable[[], Tensor] | None = None,
    lookup: Lookup | None = None,
) -> OutputDescription:
    """How to read the output of a model that answered `output` to two probe images.

    The readout, the activation and the names come from the options, else from the `sidecar` beside
    the `file`, else from what is `known` of the model, else they are assumed. `ask` gives the raw
    output on images as unlike as can be. `lookup(kind, name)` finds registered readouts.
    """
    wanted = options.readout or sidecar.readout or known.readout or DEFAULT
    raw = RawOutput(name, output, options, sidecar, known, file, ask)
    return replace(_find(wanted, lookup)().read(raw), readout=wanted)


def _find(name: str, lookup: Lookup | None) -> type[Readout]:
    if name in OWN:
        return OWN[name]
    if lookup is None:
        raise ModelError(f"readout {name!r} needs a registry; open the model through interp")
    found: type[Readout] = lookup("readout", name)
    return found
