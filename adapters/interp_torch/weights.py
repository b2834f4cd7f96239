"""Weights files: read without running code, and fingerprinted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from interp.errors import ModelError, first_line

SUFFIXES = (".safetensors", ".pth", ".pt", ".th")
WRAPPER, PREFIX = "state_dict", "module."


def read_weights(path: Path) -> dict[str, Tensor]:
    """Named tensors of a .safetensors or .pth file, without `state_dict` and `module.` prefixes."""
    if not path.is_file():
        raise ModelError(f"no weights file {path}; check --weights")
    if path.suffix not in SUFFIXES:
        raise ModelError(f"weights {path}: expected a file of {', '.join(SUFFIXES)}")
    try:
        content = _read(path)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"weights {path} are no file of named tensors: {first_line(error)}"
        ) from error
    content = content.get(WRAPPER, content) if isinstance(content, Mapping) else content
    tensors = isinstance(content, Mapping) and all(isinstance(e, Tensor) for e in content.values())
    if not isinstance(content, Mapping) or not tensors:
        raise ModelError(f"weights {path} hold a {type(content).__name__}; expected named tensors")
    wrapped = bool(content) and all(name.startswith(PREFIX) for name in content)
    return {name.removeprefix(PREFIX) if wrapped else name: each for name, each in content.items()}


def load_weights(module: nn.Module, path: Path) -> None:
    """Load weights into the module; ModelError unless names and shapes match exactly."""
    content = read_weights(path)
    try:
        missing, unexpected = module.load_state_dict(content, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().splitlines()[-1].strip()
        raise ModelError(f"weights {path} do not fit {type(module).__name__}: {detail}") from error
    if missing or unexpected:
        raise ModelError(
            f"weights {path} do not fit {type(module).__name__}: "
            f"missing {_few(missing)}; unexpected {_few(unexpected)}"
        )


def fingerprint(tensors: Mapping[str, object]) -> str:
    """sha256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
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
    return torch.load(path, map_location="cpu", weights_only=True)


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return shown or "none"
