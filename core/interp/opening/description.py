"""What a model's output means: scores, activation and names, as given or assumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interp.errors import ModelError
from interp.opening.box_readout import BoxReadout
from interp.opening.class_readout import ClassReadout
from interp.opening.function_readout import own_readout
from interp.opening.named import with_params
from interp.opening.pixel_readout import PixelReadout
from interp.opening.similarity_readout import SimilarityReadout
from interp.opening.value_readout import ValueReadout
from interp.params import CODE
from interp.readout import OutputDescription, RawOutput, Readout
from interp.spec import ModelOptions
from interp.storage.model_card import ModelCard

Lookup = Callable[[str, str], Any]
DEFAULT = "classes"
OWN: dict[str, type[Readout]] = {
    DEFAULT: ClassReadout,
    "value": ValueReadout,
    "pixels": PixelReadout,
    "similarity": SimilarityReadout,
    "boxes": BoxReadout,
}
"""Readouts that need no registry."""


@dataclass(frozen=True)
class ChosenReadout:
    """A readout by its registered name, with the parameters that are not its defaults."""

    name: str
    readout: Readout
    params: Mapping[str, Any]
    lookup: Lookup | None = None

    def describe(self, raw: RawOutput) -> OutputDescription:
        """How to read a model's output. Raises ModelError where this readout cannot."""
        found = self.readout.read(replace(raw, lookup=self.lookup))
        return replace(found, readout=self.name, params={**self.params, **found.params})


def choose_readout(
    options: ModelOptions, card: ModelCard, known: ModelCard, lookup: Lookup | None = None
) -> ChosenReadout:
    """The readout that the options name, else the model's `card`, else what is `known` of it.

    Its parameters are taken from all of these that name the same readout or none, the options' from
    whichever there is. `lookup(kind, name)` finds registered readouts. Code, be it a readout
    `module:name` or what a parameter names, is only run where the options name it.
    """
    wanted = options.readout or card.readout or known.readout or DEFAULT
    params: dict[str, Any] = {}
    for each in (known, card, options):
        if each.readout in (wanted, None):
            params |= each.readout_params or {}
    if ":" in wanted and wanted != options.readout:
        raise _untrusted(f"readout {wanted}", f"--readout {wanted}")
    kind = _find(wanted, lookup)
    for key in _code(kind):
        if key in params and params[key] != (options.readout_params or {}).get(key):
            said = f"--readout-param {key}={params[key]}"
            raise _untrusted(f"{key} {params[key]}", said)
    return ChosenReadout(wanted, with_params(kind, wanted, params), params, lookup)


def _untrusted(named: str, said: str) -> ModelError:
    return ModelError(f"the model's card names {named}, which is code; say {said} if you trust it")


def _code(kind: type[Readout]) -> list[str]:
    """The parameters of a readout that name code."""
    fields = kind.Params.model_fields.items()
    return [name for name, each in fields if each.json_schema_extra == CODE]


def _find(name: str, lookup: Lookup | None) -> type[Readout]:
    if name in OWN:
        return OWN[name]
    if ":" in name:
        return own_readout(name)
    if lookup is None:
        raise ModelError(f"readout {name!r} needs a registry; open the model through interp")
    found: type[Readout] = lookup("readout", name)
    return found
