"""The bridge to Quantus: its metrics by name, called with one image, its map and its mask."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from interp.errors import InputError, PluginError

Explain = Callable[..., np.ndarray]
"""explain(model=, inputs=, targets=): the map (H, W) of an image (1, C, H, W) and target (1,)."""


def quantus() -> ModuleType:
    """The package; PluginError where it is not installed."""
    try:
        import_module("quantus.metrics")  # a mere folder called quantus has none
        return import_module("quantus")
    except ImportError as error:
        raise PluginError(
            "Quantus, which this needs, cannot be imported; pip install 'interp[quantus]'"
        ) from error


def ask(
    name: str,
    settings: dict[str, Any],
    images: np.ndarray,
    values: np.ndarray,
    *,
    seed: int,
    model: object = None,
    target: int = 0,
    mask: np.ndarray | None = None,
    explain: Explain | None = None,
) -> np.ndarray:
    """What Quantus' metric of that name says of one map (H, W) of an image (1, C, H, W).

    A number, or a series of them, as an array. `mask` (H, W) is where the object is. Raises
    InputError for a map that Quantus refuses.
    """
    metric = getattr(quantus(), name)(
        disable_warnings=True, display_progressbar=False, return_aggregate=False, **settings
    )
    with _quiet(), _seeded(seed):
        found = metric(
            model=model,
            x_batch=images,
            y_batch=np.array([target]),
            a_batch=as_batch(values),
            s_batch=None if mask is None else mask[None, None],
            channel_first=True,
            explain_func=explain and (lambda **asked: as_batch(explain(**asked))),
            softmax=False,
        )
    return np.asarray(found, float)[0]


def as_batch(values: np.ndarray) -> np.ndarray:
    """A map (H, W) as Quantus takes it, (1, 1, H, W); InputError for one without a ranking."""
    low, high = float(values.min()), float(values.max())
    if low == high or high < 0:
        found = f"only {low:g}" if low == high else f"values from {low:g} to {high:g}"
        raise InputError(
            f"found a map of {found}; Quantus takes maps that vary and speak for the target "
            "somewhere; choose another method, or interp's own metrics"
        )
    return values.astype(float)[None, None].copy()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Begin NumPy's and PyTorch's global generators at `seed`, and put them back afterwards.

    Quantus draws from both.
    """
    import torch

    before = np.random.get_state()  # noqa: NPY002 - the generator that Quantus uses
    with torch.random.fork_rng():
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings: Quantus has one for each of its parameters."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
