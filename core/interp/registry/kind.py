"""Which class the object behind an entry must have, for each kind of entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interp.engine.component import Perturbation, Solver, Weighting
from interp.method import Attack, Method, Renderer
from interp.metric import ExplanationMetric, ModelMetric
from interp.readout import Readout
from interp.spec import ModelSource

CLASSES: dict[str, tuple[type, ...]] = {
    "method": (Method,),
    "renderer": (Renderer,),
    "perturbation": (Perturbation,),
    "weighting": (Weighting,),
    "solver": (Solver,),
    "metric": (ExplanationMetric, ModelMetric),
    "attack": (Attack,),
    "readout": (Readout,),
    "model": (ModelSource,),
    "sample": (Path, str),
    "evaluation": (Path, str),
}
"""Of models, samples and evaluations the object is an instance, else a subclass. Other kinds are
functions."""


def mismatch(kind: str, found: Any) -> str:
    """What the object of an entry of this kind should have been; empty where it is that."""
    if kind not in CLASSES:
        return "" if callable(found) else "a function"
    wanted = CLASSES[kind]
    names = " or ".join(f"{each.__module__}.{each.__qualname__}" for each in wanted)
    if kind in ("model", "sample", "evaluation"):
        return "" if isinstance(found, wanted) else f"an object of class {names}"
    fits = isinstance(found, type) and issubclass(found, wanted)
    return "" if fits else f"a subclass of {names}"
