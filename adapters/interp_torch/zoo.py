"""Models of torchvision, with the preprocessing and class names of their weights."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from interp.errors import ModelError, nearest
from interp.spec import ModelOptions
from interp_torch.opened import Opened
from interp_torch.weights import line, load_weights

RANDOM = "random"


def open_torchvision(name: str, options: ModelOptions) -> Opened:
    """`torchvision:NAME` with its default weights, a named set, a file's, or random ones."""
    models = _models()
    if name not in models.list_models():
        known = models.list_models()
        raise ModelError(f"torchvision has no model {name!r}; {nearest(name, known)}")
    weights = list(models.get_model_weights(name))
    named = {each.name: each for each in weights}
    wanted = options.weights or "DEFAULT"
    if wanted in named or wanted == "DEFAULT":
        chosen = named.get(wanted) or models.get_model_weights(name).DEFAULT
        module = _fetch(models, name, chosen)
    else:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = models.get_model(name, weights=None)
        chosen = weights[0] if weights else None
        if wanted != RANDOM:
            load_weights(module, Path(wanted))
    notes = ("random weights: the answers mean nothing",) if wanted == RANDOM else ()
    known_input, classes = _metadata(chosen)
    return Opened(module, name, owned=True, input=known_input, classes=classes, notes=notes)


def _models() -> ModuleType:
    """torchvision.models; a broken installation is told apart from a missing one."""
    try:
        from torchvision import models
    except ImportError as error:
        raise ModelError("torchvision is not installed; pip install torchvision") from error
    except RuntimeError as error:
        raise ModelError(
            f"torchvision does not fit this torch {torch.__version__} ({line(error)}); "
            "install both from one index: pip install --force-reinstall torch torchvision"
        ) from error
    return models


def _fetch(models: ModuleType, name: str, weights: Any) -> torch.nn.Module:
    try:
        return models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:  # no network, no space, damaged download
        raise ModelError(
            f"the weights of torchvision:{name} could not be fetched ({line(error)}); "
            "give a file with --weights FILE, or --weights random"
        ) from error


def _metadata(weights: Any) -> tuple[dict[str, object], tuple[str, ...] | None]:
    """Preprocessing and class names that torchvision keeps with the weights."""
    if weights is None:
        return {}, None
    preset = weights.transforms()
    known: dict[str, object] = {}
    if hasattr(preset, "crop_size") and hasattr(preset, "mean"):
        crop, resize = preset.crop_size[0], preset.resize_size[0]
        known = {
            "size": (crop, crop),
            "resize": "crop",
            "crop": min(1.0, crop / resize),
            "mean": tuple(preset.mean),
            "std": tuple(preset.std),
        }
    names = weights.meta.get("categories")
    return known, tuple(names) if names else None
