"""Opening a PyTorch model: load it, move it to its device, check its scores, describe it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError, first_line
from interp.network.preprocess import wide_images
from interp.opening.description import describe_output
from interp.spec import InputSpec, ModelOptions, ModelSpec
from interp.storage.model_card import ModelCard, describe_input, read_model_card
from interp_torch.adapter import TorchAdapter, probe
from interp_torch.derived import LIVE, Recipe
from interp_torch.malloc import keep_freed_memory
from interp_torch.network import Network, choose_device
from interp_torch.source import Lookup, Opened, open_source
from interp_torch.weights import fingerprint

PLAIN = ModelOptions()


def open_model(
    source: str | nn.Module, options: ModelOptions = PLAIN, lookup: Lookup | None = None
) -> TorchAdapter:
    """Open a source or a live module; `lookup(kind, name)` finds builders of derived models."""
    keep_freed_memory()
    opened = open_source(source, options, lookup, open_model)
    named = source if isinstance(source, str) else f"{LIVE}{type(source).__name__}"
    return describe(opened, named, options, lookup)


def describe(
    opened: Opened, source: str, options: ModelOptions, lookup: Lookup | None = None
) -> TorchAdapter:
    """The adapter of an opened module; ModelError unless its readout understands its output."""
    sidecar = read_model_card(opened.file)
    spec_input, notes = describe_input(opened.input, sidecar, options)
    tensors = opened.tensors or dict(opened.module.state_dict())
    network = place(opened, spec_input, options)
    if len(spec_input.mean) == 3 and takes_grey(network):
        spec_input, notes = describe_input(opened.input, sidecar, options, channels=1)
        network.input = spec_input
    known = ModelCard(classes=opened.classes, activation=opened.activation, readout=opened.readout)
    output = describe_output(
        first_output(network, opened.name),
        known,
        opened.file,
        sidecar,
        options,
        opened.name,
        lambda: _answer(network, wide_images(network.input)),
        lookup,
    )
    network.scores = output.scores
    spec = ModelSpec(
        name=opened.name,
        source=source,
        input=spec_input,
        activation=output.activation,
        classes=output.classes,
        readout=output.readout,
        unit=output.unit,
        device=str(network.device),
        precision=options.precision,
        fingerprint=fingerprint(tensors),
        notes=(*opened.notes, *notes, *output.notes),
    )
    return TorchAdapter(
        network, spec, options, output.normalised, opened.program, opened.recipe, adopt_module
    )


def place(opened: Opened, spec: InputSpec, options: ModelOptions) -> Network:
    """The module on its device in float32; the user's own module is copied, not moved."""
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


def takes_grey(network: Network) -> bool:
    """Whether the module takes one channel: its first convolution does, and RGB images fail."""
    layers = network.module.modules()
    first = next((each for each in layers if isinstance(each, nn.Conv2d)), None)
    if first is None or first.in_channels != 1:
        return False
    try:
        _answer(network, probe(network))
    except Exception:  # the model's own code: anything can happen
        return True
    return False


def first_output(network: Network, name: str) -> object:
    """The raw output on two random images; ModelError where the module fails."""
    size = "x".join(map(str, network.input.size))
    try:
        return _answer(network, probe(network))
    except Exception as error:  # the model's own code: anything can happen
        raise ModelError(
            f"{name} fails on images of {size}: {first_line(error)}; "
            "set the size with --input size=H,W"
        ) from error


def _answer(network: Network, images: Tensor) -> Any:
    """The module's raw output on images (N, 3, h, w)."""
    with torch.no_grad(), network.running():
        return network.module(network.encode(images))


def adopt_module(
    base: TorchAdapter,
    module: nn.Module,
    builder: str,
    params: dict[str, object],
    classes: Sequence[str] | None = None,
) -> TorchAdapter:
    """The adapter of a module that was made of the base's; `classes`: None for the base's."""
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
        readout=spec.readout,
        recipe=recipe,
    )
    given = ModelOptions(device=spec.device, precision=base.options.precision)
    return describe(opened, f"{LIVE}{name}", given)


def _reopening(base: TorchAdapter) -> ModelOptions:
    """Options that open the base again on any machine: absolute paths, no device.

    A registered model, whose source is its name, has its files in the registry.
    """
    options, registered = base.options, base.spec.source == base.spec.name
    files = {
        name: None if registered or value is None else _absolute(value)
        for name, value in (("weights", options.weights), ("classes", options.classes))
    }
    return options.model_copy(update={**files, "device": None, "precision": "fp32"})


def _absolute(path: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """The absolute path of a file; what is no file's name stays as it is."""
    is_file = isinstance(path, str) and Path(path).is_file()
    return str(Path(str(path)).resolve()) if is_file else path
