"""Model sources: a torchvision name, an exported program, a factory, a derived model's folder."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import torch
from torch import nn

from interp.errors import InterpError, ModelError, first_line, nearest
from interp.model import ModelAdapter
from interp.opening.source import ModelSource, merge
from interp.spec import ModelOptions
from interp_torch.derived import RECIPE, WEIGHTS, Recipe, read_recipe
from interp_torch.graph import Graph, from_program
from interp_torch.weights import SUFFIXES, load_weights

Lookup = Callable[[str, str], Any]
OpenBase = Callable[[str, ModelOptions, Lookup | None], ModelAdapter]
RANDOM = "random"
FORMS = "torchvision:NAME, FILE.pt2, package.module:factory, or a folder with model.json"


@dataclass(frozen=True, eq=False)
class Opened:
    """A module as its source gave it, with what the source says about it; unchecked."""

    module: nn.Module
    name: str
    owned: bool = False
    """Whether the module was made here, so that it may be moved and laid out anew."""
    program: Graph | None = None
    """The graph of an exported program, which is no module with layers of its own."""
    tensors: dict[str, object] | None = None
    """The tensors that are fingerprinted; None: the module's state."""
    input: dict[str, object] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    readout: str | None = None
    file: Path | None = None
    """The model file; files beside it may name its classes."""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None


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


def open_torchvision(name: str, options: ModelOptions) -> Opened:
    """`torchvision:NAME` with its default weights, a named set, a file's, or random ones."""
    models = _torchvision_models()
    names = models.list_models()
    if name not in names:
        raise ModelError(f"torchvision has no model {name!r}; {nearest(name, names)}")
    weights = list(models.get_model_weights(name))
    named = {each.name: each for each in weights}
    wanted = options.weights or "DEFAULT"
    if wanted in named or wanted == "DEFAULT":
        chosen = named.get(wanted) or models.get_model_weights(name).DEFAULT
        try:
            module = models.get_model(name, weights=chosen)
        except (OSError, RuntimeError) as error:  # no network, no space, damaged download
            raise ModelError(
                f"the weights of torchvision:{name} could not be fetched ({first_line(error)}); "
                "give a file with --weights FILE, or --weights random"
            ) from error
    else:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = models.get_model(name, weights=None)
        chosen = weights[0] if weights else None
        if wanted != RANDOM:
            load_weights(module, Path(wanted))
    notes = ("random weights: the answers mean nothing",) if wanted == RANDOM else ()
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
    if hasattr(preset, "crop_size") and hasattr(preset, "mean"):
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


def open_program(path: Path) -> Opened:
    """A file written by torch.export.save, exported for any batch size."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch.load's errors are of every kind
        raise ModelError(
            f"{path} cannot be read as a torch.export file: {first_line(error)}"
        ) from error
    shape = _example_shape(program)
    if not isinstance(shape[0], torch.SymInt):
        raise ModelError(
            f"{path} was exported for {shape[0]} image(s) at a time; export it again with "
            "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        )
    graph = from_program(program)
    fixed = all(isinstance(each, int) for each in shape[2:])
    sized: dict[str, object] = {"size": tuple(shape[2:])} if fixed else {}
    tensors = {**program.state_dict, **program.constants}
    return Opened(graph.module, path.stem, True, graph, tensors, sized, file=path)


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
                f"{source} cannot be called: {type(error).__name__}: {first_line(error)}"
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
        readout=spec.readout,
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
    """The shape of the program's one image input; free sizes are symbols."""
    names = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in names]
    shape = list(getattr(values[0], "shape", ())) if len(values) == 1 else []
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"the program takes {names}; expected one batch of images (N, 3, h, w)")
    return shape


@contextmanager
def _current_folder() -> Iterator[None]:
    """Make the current folder importable, as `python -m` does."""
    before = list(sys.path)
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path[:] = before


def _why_unknown(source: str, path: Path) -> str:
    if path.suffix in SUFFIXES:
        return f"{source} holds weights only; give package.module:factory with --weights {source}"
    if path.is_dir():
        return f"{source} is no model: no {RECIPE} in it"
    return f"unknown model {source!r}; expected {FORMS}"
