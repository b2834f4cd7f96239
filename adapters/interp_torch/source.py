"""Model sources: which module opens which form of name, and folders of derived models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interp.errors import InterpError, ModelError, first_line
from interp.model import ModelAdapter
from interp.opening.source import ModelSource, merge
from interp.spec import Capability, ModelOptions
from interp.storage.folder import check_sealed, unseal
from interp_torch.derived import RECIPE, WEIGHTS, Recipe, read_recipe
from interp_torch.live import quantised, unwrap
from interp_torch.sources.factory import open_factory
from interp_torch.sources.opened import NO_LAYERS, Opened
from interp_torch.sources.program import from_export, from_script, open_program, open_script
from interp_torch.sources.timm import open_timm
from interp_torch.sources.torchvision import open_torchvision
from interp_torch.sources.transformers import open_transformers
from interp_torch.weights import SUFFIXES, load_weights

Lookup = Callable[[str, str], Any]
Source = str | nn.Module | torch.export.ExportedProgram
"""What names a model, or is one already."""
OpenBase = Callable[[str, ModelOptions, Lookup | None], ModelAdapter]
NAMED: dict[str, Callable[[str, ModelOptions], Opened]] = {
    "torchvision": open_torchvision,
    "timm": open_timm,
    "hf": open_transformers,
}
"""Scheme of a source -> what opens the name after the colon."""
FILES = {".pt2": open_program, ".pt": open_script, ".ts": open_script}
"""Suffix of a model file -> what opens it."""
QUANTISED_NOTE = (
    "quantised to 8 bits: its scores can be explained, its layers and slopes cannot be read; open "
    "the network before quantisation for these"
)
CONFIG = "config.json"
"""The file that tells a folder of transformers' save_pretrained."""
FORMS = (
    "torchvision:NAME, timm:NAME, hf:FOLDER or hf:NAME, FILE.pt2, FILE.pt of TorchScript, "
    "package.module:factory, or a folder with model.json"
)


def open_source(
    source: Source, options: ModelOptions, lookup: Lookup | None, open_base: OpenBase
) -> Opened:
    """The module behind a source, by the form of its name.

    `open_base(source, options, lookup)` opens the model that a derived one was made of.
    """
    if isinstance(source, nn.Module):
        return _open_live(source)
    if isinstance(source, torch.export.ExportedProgram):
        return from_export(source, type(source).__name__)
    scheme, _, name = source.partition(":")
    if scheme in NAMED:
        return NAMED[scheme](name, options)
    path = Path(source)
    if (path / CONFIG).is_file() and not (path / RECIPE).is_file():
        return open_transformers(source, options)
    if path.suffix in FILES or (path / RECIPE).is_file():
        if options.weights is not None:
            raise ModelError(f"{source} holds its own weights; leave out --weights")
        if path.suffix in FILES:
            return FILES[path.suffix](path)
        return open_derived(path, lookup, open_base)
    if ":" in source and not path.exists():
        return open_factory(source, options)
    raise ModelError(_why_unknown(source, path))


def _open_live(module: nn.Module) -> Opened:
    """A module as a program holds it."""
    inner, notes = unwrap(module)
    if isinstance(inner, torch.jit.ScriptModule):
        return from_script(inner, getattr(inner, "original_name", type(inner).__name__))
    if quantised(inner):
        notes = (*notes, QUANTISED_NOTE)
    lacking = NO_LAYERS | {Capability.GRADIENTS} if quantised(inner) else frozenset()
    return Opened(inner, type(inner).__name__, notes=notes, lacking=lacking)


def open_derived(folder: Path, lookup: Lookup | None, open_base: OpenBase) -> Opened:
    """A folder written by save_model: the base is opened, rebuilt by the builder, and filled."""
    if (folder / "knowledge.json").exists():
        unseal(folder, "knowledge")
    else:
        check_sealed(folder)
    recipe = read_recipe(folder)
    if lookup is None:
        raise ModelError(f"{folder} needs the builder {recipe.builder!r}; open it through interp")
    base = open_base(*_base(recipe, lookup), lookup)
    build = lookup("builder", recipe.builder)
    try:
        module = build(copy.deepcopy(base.module()), dict(recipe.params))
    except InterpError:
        raise
    except Exception as error:  # the builder is a plugin's code
        raise ModelError(
            f"{folder}: builder {recipe.builder!r} failed: {first_line(error)}"
        ) from error
    load_weights(module, folder / WEIGHTS)
    spec = base.spec
    return Opened(
        module,
        folder.name,
        owned=True,
        input=spec.input.model_dump(),
        classes=recipe.classes or spec.classes,
        activation=spec.activation,
        readout=spec.readout,
        readout_params=spec.readout_params,
        file=folder / WEIGHTS,
        recipe=recipe,
    )


def _base(recipe: Recipe, lookup: Lookup) -> tuple[str, ModelOptions]:
    """Source and options of the base; a bare name is a registered model's."""
    if ":" in recipe.base or Path(recipe.base).exists():
        return recipe.base, recipe.base_options
    registered: ModelSource = lookup("model", recipe.base)
    return registered.source, merge(registered.options, recipe.base_options)


def _why_unknown(source: str, path: Path) -> str:
    if path.suffix in SUFFIXES:
        return f"{source} holds weights only; give package.module:factory with --weights {source}"
    if path.is_dir():
        return f"{source} is no model: no {RECIPE} in it"
    return f"unknown model {source!r}; expected {FORMS}"
