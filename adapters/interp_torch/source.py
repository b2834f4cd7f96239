"""Model sources: which module opens which form of name, and folders of derived models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from interp.errors import InterpError, ModelError, first_line
from interp.model import ModelAdapter
from interp.opening.source import ModelSource, merge
from interp.spec import ModelOptions
from interp_torch.derived import RECIPE, WEIGHTS, Recipe, read_recipe
from interp_torch.live import unwrap
from interp_torch.sources.factory import open_factory
from interp_torch.sources.opened import Opened
from interp_torch.sources.program import open_program
from interp_torch.sources.torchvision import open_torchvision
from interp_torch.weights import SUFFIXES, load_weights

Lookup = Callable[[str, str], Any]
OpenBase = Callable[[str, ModelOptions, Lookup | None], ModelAdapter]
FORMS = "torchvision:NAME, FILE.pt2, package.module:factory, or a folder with model.json"


def open_source(
    source: str | nn.Module, options: ModelOptions, lookup: Lookup | None, open_base: OpenBase
) -> Opened:
    """The module behind a source, by the form of its name.

    `open_base(source, options, lookup)` opens the model that a derived one was made of.
    """
    if isinstance(source, nn.Module):
        module, notes = unwrap(source)
        return Opened(module, type(module).__name__, notes=notes)
    path = Path(source)
    if source.startswith("torchvision:"):
        return open_torchvision(source.partition(":")[2], options)
    if path.suffix == ".pt2" or (path / RECIPE).is_file():
        if options.weights is not None:
            raise ModelError(f"{source} holds its own weights; leave out --weights")
        if path.suffix == ".pt2":
            return open_program(path)
        return open_derived(path, lookup, open_base)
    if ":" in source and not path.exists():
        return open_factory(source, options)
    raise ModelError(_why_unknown(source, path))


def open_derived(folder: Path, lookup: Lookup | None, open_base: OpenBase) -> Opened:
    """A folder written by save_model: the base is opened, rebuilt by the builder, and filled."""
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
