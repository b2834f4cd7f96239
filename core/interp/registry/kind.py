"""What the object behind an entry must be, for each kind of entry."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isabstract, signature
from pathlib import Path
from types import FunctionType
from typing import Any

from interp.engine.component import Perturbation, Solver, Weighting
from interp.method import Attack, Method, Renderer
from interp.metric import ExplanationMetric, ModelMetric
from interp.params import Params
from interp.readout import Readout
from interp.spec import Capability, ModelSource

CLASSES: dict[str, tuple[type, ...]] = {
    "method": (Method,),
    "renderer": (Renderer,),
    "perturbation": (Perturbation,),
    "weighting": (Weighting,),
    "solver": (Solver,),
    "metric": (ExplanationMetric, ModelMetric),
    "attack": (Attack,),
    "readout": (Readout,),
}
"""Kinds whose object is a subclass of one of these; a renderer may also be an instance."""
INSTANCES: dict[str, tuple[type, ...]] = {
    "model": (ModelSource,),
    "sample": (Path, str),
    "evaluation": (Path, str),
}
"""Kinds whose object is an instance of one of these."""
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "adapter": ("source", "options", "lookup"),
    "dataset": ("count", "seed"),
    "reader": ("path",),
    "builder": ("network", "params"),
}
"""Kinds whose object is a function of these arguments, or a class that is made of them."""
WITH_PARAMS = ("method", "perturbation", "weighting", "solver", "metric", "readout")
"""Kinds whose class says in `Params` what its parameters are."""
WITH_NEEDS = ("method", "perturbation")
"""Kinds whose class says in `needs` what it needs of a model."""


def mismatch(kind: str, found: Any) -> str:
    """What the object of an entry of this kind should have been; empty where it is that."""
    if kind in ARGUMENTS:
        wanted = ARGUMENTS[kind]
        fits = callable(found) and _takes(found, len(wanted))
        return "" if fits else f"a function ({', '.join(wanted)})"
    if kind in INSTANCES:
        fits = isinstance(found, INSTANCES[kind])
        return "" if fits else f"an object of class {_names(INSTANCES[kind])}"
    if kind == "renderer" and isinstance(found, Renderer):
        return ""
    if not isinstance(found, type) or not issubclass(found, CLASSES[kind]):
        return f"a subclass of {_names(CLASSES[kind])}"
    return next(_lacks(kind, found), "")


def _names(kinds: tuple[type, ...]) -> str:
    return " or ".join(f"{each.__module__}.{each.__qualname__}" for each in kinds)


def _lacks(kind: str, found: Any) -> Iterator[str]:
    """What a class of the right kind should have in addition."""
    base = next(each for each in CLASSES[kind] if issubclass(found, each))
    if isabstract(found):
        names = sorted(found.__abstractmethods__)
        yield f"one that implements {', '.join(_form(base, each) for each in names)}"
    params = getattr(found, "Params", None)
    wanted = getattr(base, "Params", Params)
    if kind in WITH_PARAMS and not (isinstance(params, type) and issubclass(params, wanted)):
        yield f"one whose Params is a subclass of {wanted.__module__}.{wanted.__qualname__}"
    if kind in WITH_NEEDS and not _are_needs(found.needs):
        yield "one whose needs is a frozenset of interp.spec.Capability"
    for name, usual in vars(base).items():
        own = getattr(found, name, None)
        if isinstance(usual, FunctionType) and isinstance(own, FunctionType) and name[0] != "_":
            count = len(signature(usual).parameters)
            if not _takes(own, count):
                yield f"one with {_form(base, name)}"


def _are_needs(needs: object) -> bool:
    return isinstance(needs, (set, frozenset)) and all(each in list(Capability) for each in needs)


def _form(base: type, name: str) -> str:
    """A method of the base class as it is called: `explain(model, images, ...)`."""
    usual = getattr(base, name, None)
    words = [each for each in signature(usual).parameters if each != "self"] if usual else []
    return f"{name}({', '.join(words)})"


def _takes(function: Any, count: int) -> bool:
    """Whether a call with so many arguments by position is possible, as far as Python can tell."""
    try:
        signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True
