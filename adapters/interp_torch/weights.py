"""Weights files: read without running code, and fingerprinted."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError, first_line
from interp_torch.checkpoint import Weights, few, find_weights, unpickle

SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt", ".tar")


def read_weights(path: Path, expected: Mapping[str, object]) -> Weights:
    """Named tensors of a weights file, or of a checkpoint, that fit the `expected` names best.

    Raises ModelError for a file without any.
    """
    if not path.is_file():
        raise ModelError(f"no weights file {path}; check --weights")
    if path.suffix not in SUFFIXES:
        raise ModelError(f"weights {path}: expected a file of {', '.join(SUFFIXES)}")
    try:
        content = _read(path)
    except ModelError:
        raise
    except Exception as error:  # damaged files raise errors of every kind
        raise ModelError(
            f"weights {path} are no file of named tensors ({first_line(error)}); save them again"
        ) from error
    try:
        return find_weights(content, expected)
    except ValueError as error:
        raise ModelError(f"weights {path} {error}") from error


def load_weights(module: nn.Module, path: Path) -> tuple[str, ...]:
    """Load weights into the module, and return notes on how they were found in the file.

    Raises ModelError unless the names and shapes match exactly.
    """
    found = read_weights(path, module.state_dict())
    tensors: Any = OrderedDict(found.tensors)
    tensors._metadata = {"": {"version": module._version}}  # MNASNet asks which of its versions
    try:
        missing, unexpected = module.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().splitlines()[-1].strip()
        raise ModelError(f"weights {path} do not fit {type(module).__name__}: {detail}") from error
    if missing or unexpected:
        raise ModelError(
            f"weights {path} do not fit {type(module).__name__}: "
            f"missing {few(missing)}; unexpected {few(unexpected)}"
        )
    return found.notes


def fingerprint(tensors: Mapping[str, object], module: nn.Module) -> str:
    """sha256 over names, types, shapes and bytes, in the order of the names.

    Of a module without tensors it is that of its class and its parts.
    """
    digest = hashlib.sha256()
    if not tensors:
        digest.update(f"{type(module).__module__}.{type(module).__qualname__}{module}".encode())
    for name in sorted(tensors):
        each = tensors[name]
        if isinstance(each, Tensor):
            digest.update(f"{name}{each.dtype}{tuple(each.shape)}".encode())
            flat = each.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(flat.numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(str(error)) from error
    return unpickle(path)
