"""From a source to an adapter: placed, described, and its first answer checked."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.network.activation import sum_to_one
from interp.spec import InputSpec, ModelOptions, ModelSpec
from interp.storage.model_card import describe_input, name_classes, read_model_card
from interp_torch.adapter import TorchAdapter, probe
from interp_torch.derived import LIVE, Recipe
from interp_torch.memory import keep_freed_memory
from interp_torch.network import Network, choose_device
from interp_torch.opened import Opened
from interp_torch.source import Lookup, open_source
from interp_torch.weights import fingerprint, line

PLAIN = ModelOptions()


def open_model(
    source: str | nn.Module, options: ModelOptions = PLAIN, lookup: Lookup | None = None
) -> TorchAdapter:
    """The model behind a source; `lookup(kind, name)` finds the builders of derived models."""
    keep_freed_memory()
    opened = open_source(source, options, lookup, open_model)
    named = source if isinstance(source, str) else f"{LIVE}{type(source).__name__}"
    return describe(opened, named, options)


def describe(opened: Opened, source: str, options: ModelOptions) -> TorchAdapter:
    """Settle everything the source left open, and check that the model answers scores."""
    sidecar = read_model_card(opened.file)
    spec_input, notes = describe_input(opened.input, sidecar, options)
    tensors = opened.tensors or dict(opened.module.state_dict())
    network = place(opened, spec_input, options)
    scores = check_answer(network, opened.name)
    normalised = sum_to_one(scores)
    activation = options.activation or sidecar.activation or opened.activation
    if activation is None:
        activation = "none" if normalised else "softmax"
        notes += ["the model answers probabilities; no activation is applied"] * normalised
    classes, told = name_classes(scores.shape[1], opened.classes, opened.file, sidecar, options)
    spec = ModelSpec(
        name=opened.name,
        source=source,
        input=spec_input,
        activation=activation,
        classes=classes,
        device=str(network.device),
        precision=options.precision,
        fingerprint=fingerprint(tensors),
        notes=(*opened.notes, *notes, *told),
    )
    return TorchAdapter(
        network, spec, options, normalised, opened.program, opened.recipe, adopt_module
    )


def place(opened: Opened, spec: InputSpec, options: ModelOptions) -> Network:
    """The module on its device in float32; a module that is somebody's is copied, not moved."""
    module = opened.module
    first = next((each for each in module.parameters() if each.is_floating_point()), None)
    held = None if opened.owned or first is None else first.device
    device = choose_device(options.device, held)
    if first is not None and (first.device != device or first.dtype != torch.float32):
        module = module if opened.owned else copy.deepcopy(module)
        module = module.to(device, torch.float32)
    return Network(
        module, spec, device, options.precision, opened.owned or module is not opened.module
    )


def check_answer(network: Network, name: str) -> Tensor:
    """Scores (2, K) of two random images; ModelError unless they are finite scores."""
    size = "x".join(map(str, network.input.size))
    try:
        with torch.no_grad(), network.running():
            scores = network.module(network.encode(probe(network)))
    except Exception as error:  # the model's own code: anything can happen
        raise ModelError(
            f"{name} fails on images of {size}: {line(error)}; set the size with --input size=H,W"
        ) from error
    if not isinstance(scores, Tensor) or scores.dim() != 2 or len(scores) != 2:
        found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ModelError(f"{name} answers {found} to 2 images; expected scores (2, classes)")
    if not bool(torch.isfinite(scores).all()):
        raise ModelError(f"{name} answers NaN or infinity to random images; check its weights")
    return scores.float()


def adopt_module(
    base: TorchAdapter,
    module: nn.Module,
    builder: str,
    params: dict[str, object],
    classes: Sequence[str] | None = None,
) -> TorchAdapter:
    """A module made of the base's as a model of its own, for the same classes or these."""
    spec = base.spec
    name = f"{spec.name}+{builder}"
    own = None if classes is None else tuple(classes)
    recipe = Recipe(
        base=spec.source,
        base_options=_reopening(base),
        builder=builder,
        params=params,
        classes=own,
    )
    opened = Opened(
        module,
        name,
        input=spec.input.model_dump(),
        classes=own or spec.classes,
        activation=spec.activation,
        recipe=recipe,
    )
    given = ModelOptions(device=spec.device, precision=base.options.precision)
    return describe(opened, f"{LIVE}{name}", given)


def _reopening(base: TorchAdapter) -> ModelOptions:
    """Options that open the base elsewhere: the device is the later machine's affair.

    A registered model, whose source is its name, knows its own files.
    """
    options, registered = base.options, base.spec.source == base.spec.name
    files = {
        name: None if registered or value is None else _whole(value)
        for name, value in (("weights", options.weights), ("classes", options.classes))
    }
    return options.model_copy(update={**files, "device": None, "precision": "fp32"})


def _whole(path: str) -> str:
    """The absolute path of a file; what is no file as it stands."""
    return str(Path(path).resolve()) if Path(path).is_file() else path
