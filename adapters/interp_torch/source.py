"""Opening what the user names: a torchvision name, an exported file, a factory, a folder."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interp.errors import InterpError, ModelError
from interp.model import ModelAdapter
from interp.opening.source import ModelSource, merge
from interp.spec import ModelOptions
from interp_torch.derived import RECIPE, WEIGHTS, Recipe, read_recipe
from interp_torch.graph import from_program
from interp_torch.opened import Opened
from interp_torch.weights import SUFFIXES, line, load_weights

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
        return Opened(source, type(source).__name__)
    path = Path(source)
    if source.startswith("torchvision:"):
        from interp_torch.zoo import open_torchvision

        return open_torchvision(source.partition(":")[2], options)
    if path.suffix == ".pt2" or (path / RECIPE).is_file():
        if options.weights is not None:
            raise ModelError(f"{source} holds its own weights; leave out --weights")
        if path.suffix == ".pt2":
            return open_program(path)
        return open_derived(path, lookup, open_base)
    if ":" in source and not path.exists():
        return open_factory(source, options)
    raise ModelError(_unknown(source, path))


def open_program(path: Path) -> Opened:
    """A file written by torch.export.save, for any batch size."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch.load's errors are of every kind
        raise ModelError(f"{path} cannot be read as a torch.export file: {line(error)}") from error
    shape = _example_shape(program)
    if not isinstance(shape[0], torch.SymInt):
        raise ModelError(
            f"{path} was exported for {shape[0]} image(s) at a time; export it again with "
            "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        )
    graph = from_program(program)
    fixed = all(isinstance(each, int) for each in shape[2:])
    known: dict[str, object] = {"size": tuple(shape[2:])} if fixed else {}
    tensors = {**program.state_dict, **program.constants}
    return Opened(graph.module, path.stem, True, graph, tensors, known, file=path)


def open_factory(source: str, options: ModelOptions) -> Opened:
    """`package.module:factory` called without arguments, filled from `options.weights`."""
    module, _, name = source.partition(":")
    with _current_folder():
        try:
            factory = getattr(importlib.import_module(module), name)
            made = factory if isinstance(factory, nn.Module) else factory()
        except InterpError:
            raise
        except Exception as error:  # the user's code: anything can happen
            raise ModelError(
                f"{source} cannot be called: {type(error).__name__}: {line(error)}"
            ) from error
    if not isinstance(made, nn.Module):
        raise ModelError(f"{source} gave a {type(made).__name__}; expected a torch.nn.Module")
    owned = made is not factory
    if options.weights is not None:
        made = made if owned else copy.deepcopy(made)
        load_weights(made, Path(options.weights))
    file = Path(options.weights) if options.weights else None
    return Opened(made, name, owned, file=file)


def open_derived(folder: Path, lookup: Lookup | None, open_base: OpenBase) -> Opened:
    """A folder written by save_model: base, builder, weights."""
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
        raise ModelError(f"{folder}: builder {recipe.builder!r} failed: {line(error)}") from error
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


def _example_shape(program: torch.export.ExportedProgram) -> list[Any]:
    """The shape of the one image input; sizes that are free are symbols."""
    names = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in names]
    shape = list(getattr(values[0], "shape", ())) if len(values) == 1 else []
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"the program takes {names}; expected one batch of images (N, 3, h, w)")
    return shape


@contextmanager
def _current_folder() -> Iterator[None]:
    """The current folder importable, as `python -m` has it."""
    before = list(sys.path)
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path[:] = before


def _unknown(source: str, path: Path) -> str:
    if path.suffix in SUFFIXES:
        return f"{source} holds weights only; give package.module:factory with --weights {source}"
    if path.is_dir():
        return f"{source} is no model: no {RECIPE} in it"
    return f"unknown model {source!r}; expected {FORMS}"
