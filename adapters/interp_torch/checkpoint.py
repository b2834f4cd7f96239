"""Checkpoints as training scripts leave them: read without running code, weights found in them."""

from __future__ import annotations

import argparse
import pathlib
import re
import types
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.errors import ModelError, first_line

Tensors = dict[str, Tensor]

DEPTH = 3
"""How deep in a checkpoint, or in a name of dotted parts, weights and prefixes are looked for."""
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of names that wrappers add: DataParallel, torch.compile, sharding, checkpointing."""
USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
"""Keys under which weights are expected, should several mappings in a file fit equally well."""
DICTIONARIES = (
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
"""Classes of Lightning's hyperparameters, which are read as plain dictionaries."""
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
UNREADABLE = re.compile(r"WeightsUnpickler error: (.*)")


class Hyperparameters(dict[str, Any]):
    """Stands in for a trainer's own class of dictionary."""


@dataclass(frozen=True)
class Weights:
    """The named tensors of a checkpoint that fit a module best, and where they were found."""

    tensors: Tensors
    notes: tuple[str, ...] = ()


def unpickle(path: Path) -> object:
    """The content of a file that torch.save wrote: tensors and plain values, no code is run.

    Raises ModelError that names the first class which is neither, and ValueError for a file of
    another kind.
    """
    with torch.serialization.safe_globals(_harmless()):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # of many kinds
            found = GLOBAL.search(str(error))
            if found is not None:
                raise ModelError(
                    f"weights {path} hold a pickled {found[1]}, which is not read since it could "
                    "run code; save the weights alone: torch.save(model.state_dict(), FILE)"
                ) from error
            if "TorchScript" in str(error):
                raise ModelError(
                    f"weights {path} are a TorchScript program, which is a model of its own; "
                    "give it as --model, its name ending in .pt or .ts"
                ) from error
            detail = UNREADABLE.search(str(error))
            raise ValueError(detail[1] if detail else first_line(error)) from error


def _harmless() -> list[Any]:
    """Classes beside weights whose making runs no code of the file: numbers, arrays, records."""
    core = getattr(np, "_core", None) or np.core
    arrays = [
        (getattr(core.multiarray, name), f"numpy.{room}.multiarray.{name}")
        for name in ("scalar", "_reconstruct")
        for room in ("core", "_core")
    ]
    kinds = [
        kind
        for name, kind in vars(np.dtypes).items()
        if name.endswith("DType") and name != "ObjectDType"
    ]
    paths = [pathlib.PosixPath, pathlib.PurePosixPath, pathlib.PureWindowsPath]
    plain = [argparse.Namespace, types.SimpleNamespace, defaultdict, dict, list, set, OrderedDict]
    trainers = [(Hyperparameters, name) for name in DICTIONARIES]
    return [*arrays, np.dtype, np.ndarray, *kinds, *paths, *plain, *trainers]


def find_weights(content: object, expected: Mapping[str, object]) -> Weights:
    """The named tensors in a checkpoint that fit the `expected` names best.

    Prefixes and wrappers' parts that the expected names lack are left out. Raises ValueError where
    there are no named tensors.
    """
    places = list(_mappings(content))
    if not places:
        raise ValueError(f"hold {_kind(content)}; expected named tensors")
    fits = [(keys, _fit(tensors, set(expected))) for keys, tensors in places]
    best = max(fits, key=lambda each: (each[1].count, _rank(each[0])))
    keys, fit = best
    others = [each for each, other in fits if each != keys and other.count == fit.count > 0]
    return Weights(fit.tensors, tuple(_told(keys, fit, others)))


@dataclass(frozen=True)
class _Fit:
    """Tensors renamed as a module expects them."""

    tensors: Tensors
    count: int
    """How many of the names the module has."""
    removed: str = ""
    added: str = ""
    left: tuple[str, ...] = ()
    """Names without the prefix, which are not used."""
    rivals: tuple[str, ...] = ()
    """Other prefixes under which as many names fit."""


def _mappings(content: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[Any, Tensors]]:
    """Every mapping of names to tensors in a checkpoint, with the keys that lead to it."""
    if not isinstance(content, Mapping):
        return
    tensors = {
        name: torch.from_numpy(each) if isinstance(each, np.ndarray) else each
        for name, each in content.items()
        if isinstance(name, str) and isinstance(each, (Tensor, np.ndarray))
    }
    if tensors:
        yield keys, tensors
    for name, each in content.items() if len(keys) < DEPTH else ():
        if isinstance(name, str):
            yield from _mappings(each, (*keys, name))


def _rank(keys: tuple[str, ...]) -> int:
    """Higher for the keys under which weights are expected, and for the file itself."""
    if not keys:
        return len(USUAL) + 1
    return len(USUAL) - USUAL.index(keys[0]) if keys[0] in USUAL else 0


def _fit(tensors: Tensors, expected: set[str]) -> _Fit:
    """The tensors under the names that fit best, by leaving out or adding a prefix.

    Wrappers' parts inside of names are left out where more names fit without them.
    """
    plain = _without_prefix(tensors, expected)
    bare = _without_prefix(_unwrapped(tensors, expected), expected)
    if bare.count > plain.count:
        return replace(bare, removed=f"{_lost(tensors, expected)}{bare.removed}")
    return plain


def _without_prefix(own: Tensors, expected: set[str]) -> _Fit:
    counts = _prefixes(own, expected)
    prefix, count = max(counts.items(), key=lambda each: (each[1], -len(each[0])))
    added = _added(own, expected) if not count else ""
    if added:
        renamed = {f"{added}{name}": each for name, each in own.items()}
        return _Fit(renamed, sum(name in expected for name in renamed), added=added)
    inside = {name[len(prefix) :]: each for name, each in own.items() if name.startswith(prefix)}
    left = tuple(name for name in own if not name.startswith(prefix))
    rivals = tuple(each for each, found in counts.items() if found == count > 0 and each != prefix)
    return _Fit(inside, count, prefix, left=left, rivals=rivals)


def _unwrapped(tensors: Tensors, expected: set[str]) -> Tensors:
    """The tensors by names without the wrappers' parts that no expected name has."""
    strange = WRAPPERS - {part for name in expected for part in name.split(".")}
    renamed = {
        ".".join(part for part in name.split(".") if part not in strange): each
        for name, each in tensors.items()
    }
    return renamed if len(renamed) == len(tensors) else tensors


def _lost(tensors: Tensors, expected: set[str]) -> str:
    """The first wrapper's part that _unwrapped leaves out, with its dot, for a note."""
    strange = WRAPPERS - {part for name in expected for part in name.split(".")}
    return next((f"{p}." for name in tensors for p in name.split(".") if p in strange), "")


def _prefixes(names: Tensors, expected: set[str]) -> Counter[str]:
    """Prefix -> how many names are expected ones behind it; the empty one is always there."""
    counts: Counter[str] = Counter({"": 0})
    for name in names:
        parts = name.split(".")
        for depth in range(min(len(parts), DEPTH + 1)):
            if ".".join(parts[depth:]) in expected:
                counts["".join(f"{part}." for part in parts[:depth])] += 1
    return counts


def _added(names: Tensors, expected: set[str]) -> str:
    """The prefix that all expected names share and the file lacks, where it makes names fit."""
    first = next(iter(expected), "").split(".")
    for depth in range(1, min(len(first), DEPTH + 1)):
        prefix = "".join(f"{part}." for part in first[:depth])
        shared = all(each.startswith(prefix) for each in expected)
        if shared and any(f"{prefix}{name}" in expected for name in names):
            return prefix
    return ""


def _told(keys: tuple[str, ...], fit: _Fit, others: list[tuple[str, ...]]) -> Iterator[str]:
    """Notes on what was chosen among the content of a checkpoint, and on what was left out."""
    told = []
    if keys:
        told.append(f"read from {'.'.join(keys)!r}")
    if fit.removed:
        told.append(f"names without {fit.removed!r}")
    if fit.added:
        told.append(f"names with {fit.added!r} before them")
    if fit.left:
        told.append(f"not used: {few(fit.left)}")
    if told:
        yield f"weights file: {'; '.join(told)}"
    rivals = [*map(".".join, others), *fit.rivals]
    if rivals:
        yield f"weights file: {few([repr(each) for each in rivals])} would fit as well"


def _kind(content: object) -> str:
    if isinstance(content, Mapping) and content:
        return f"a {type(content).__name__} of {few([str(each) for each in content])}"
    return f"a {type(content).__name__}"


def few(names: list[str] | tuple[str, ...]) -> str:
    """The first three names and the number of the others; "none" without any."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return shown or "none"
