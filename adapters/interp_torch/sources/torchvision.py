"""The source `torchvision:NAME`."""

from __future__ import annotations

import inspect
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from interp.errors import ModelError, first_line, nearest
from interp.spec import ModelOptions
from interp_torch.sources.opened import RANDOM, RANDOM_NOTE, Opened, random_start, unfetched
from interp_torch.weights import load_weights


def open_torchvision(name: str, options: ModelOptions) -> Opened:
    """`torchvision:NAME` with its default weights, a named set, a file's, or random ones."""
    models = _torchvision_models()
    names = models.list_models()
    if name not in names:
        raise ModelError(f"torchvision has no model {name!r}; {nearest(name, names)}")
    weights = list(models.get_model_weights(name))
    named = {each.name: each for each in weights}
    wanted = options.weights or "DEFAULT"
    notes: tuple[str, ...] = ()
    if wanted in named or wanted == "DEFAULT":
        chosen = named.get(wanted) or models.get_model_weights(name).DEFAULT
        try:
            with redirect_stdout(sys.stderr):  # where a download is told
                module = models.get_model(name, weights=chosen)
        except (OSError, RuntimeError) as error:  # no network, no space, damaged download
            raise unfetched(f"torchvision:{name}", error) from error
    else:
        module = _random(models, name)
        chosen = weights[0] if weights else None
        notes = (RANDOM_NOTE,) if wanted == RANDOM else load_weights(module, Path(wanted))
    preprocessing, classes = _metadata(chosen)
    return Opened(
        module,
        name,
        owned=True,
        input=preprocessing,
        classes=classes,
        activation="softmax" if classes else None,
        notes=notes,
    )


def _random(models: ModuleType, name: str) -> nn.Module:
    """The model with random weights; nothing is downloaded, not even a detector's backbone."""
    known = inspect.signature(models.get_model_builder(name)).parameters
    plain = {key: None for key in ("weights", "weights_backbone") if key in known}
    with random_start():
        module: nn.Module = models.get_model(name, **plain)
    return module


def _torchvision_models() -> ModuleType:
    """torchvision.models; ModelError says whether torchvision is missing or broken."""
    try:
        from torchvision import models
    except ImportError as error:
        raise ModelError("torchvision is not installed; pip install torchvision") from error
    except RuntimeError as error:
        raise ModelError(
            f"torchvision does not fit this torch {torch.__version__} ({first_line(error)}); "
            "install both from one index: pip install --force-reinstall torch torchvision"
        ) from error
    return models


def _metadata(weights: Any) -> tuple[dict[str, object], tuple[str, ...] | None]:
    """Preprocessing and class names that torchvision gives for the weights."""
    if weights is None:
        return {}, None
    preset = weights.transforms()
    preprocessing: dict[str, object] = {}
    if hasattr(preset, "mean") and not hasattr(preset, "crop_size"):
        side = preset.resize_size[0]  # of the short side; here of both
        preprocessing = {"size": (side, side), "mean": tuple(preset.mean), "std": tuple(preset.std)}
    elif hasattr(preset, "mean"):
        crop, resize = preset.crop_size[0], preset.resize_size[0]
        preprocessing = {
            "size": (crop, crop),
            "resize": "crop",
            "crop": min(1.0, crop / resize),
            "mean": tuple(preset.mean),
            "std": tuple(preset.std),
        }
    names = weights.meta.get("categories")
    return preprocessing, tuple(names) if names else None
