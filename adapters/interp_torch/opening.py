"""Opening a PyTorch model: load it, move it to its device, check its scores, describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError, users_code
from interp.network.autograd import reaches
from interp.network.outputs import part_note
from interp.network.plain_tensors import plain_tensors
from interp.network.scores import VARIES, close
from interp.opening.description import choose_readout
from interp.readout import RawOutput, Readout
from interp.spec import Capability, InputSpec, ModelOptions, ModelSpec
from interp.storage.folder import absolute_file
from interp.storage.model_card import ModelCard, describe_input, read_model_card
from interp_torch.adapter import TorchAdapter, probe
from interp_torch.answer import ScoresOf
from interp_torch.derived import LIVE, Recipe
from interp_torch.diagnosis import explain_failure
from interp_torch.live import change, check_filled, duplicate, why_changed
from interp_torch.malloc import keep_freed_memory
from interp_torch.network import Network, choose_device
from interp_torch.source import Lookup, Source, open_source
from interp_torch.sources.opened import Opened
from interp_torch.sources.torchvision_tasks import as_torchvision
from interp_torch.weights import fingerprint

PLAIN = ModelOptions()
STEADY = {"fp32": 0.01, "bf16": 0.1, "fp16": 0.1}
"""How far two answers to one image may be apart, relative to the largest score."""
WITHOUT_SLOPES = (
    "no slopes lead from the scores to the pixels (a forward under no_grad, in NumPy, or "
    "quantised?): methods that need them are not offered"
)


@plain_tensors()
def open_model(
    source: Source, options: ModelOptions = PLAIN, lookup: Lookup | None = None
) -> TorchAdapter:
    """Open a source or a live module; `lookup(kind, name)` finds builders of derived models."""
    keep_freed_memory()
    opened = as_torchvision(open_source(source, options, lookup, open_model))
    named = source if isinstance(source, str) else f"{LIVE}{type(source).__name__}"
    return describe(opened, named, options, lookup)


def describe(
    opened: Opened, source: str, options: ModelOptions, lookup: Lookup | None = None
) -> TorchAdapter:
    """The adapter of an opened module; ModelError unless its readout understands its output."""
    sidecar = read_model_card(opened.file)
    spec_input, notes = describe_input(opened.input, sidecar, options)
    tensors = opened.tensors or dict(opened.module.state_dict())
    network, copied = place(opened, spec_input, options)
    channels = opened.channels or other_channels(network)
    if channels is not None:
        spec_input, notes = describe_input(opened.input, sidecar, options, channels)
        network.input = spec_input
    known = ModelCard(
        classes=opened.classes,
        activation=opened.activation,
        readout=opened.readout,
        readout_params=opened.readout_params,
    )
    chosen = choose_readout(options, sidecar, known, lookup)
    network, answer, answered, lacking = first_answer(network, opened.name, chosen.readout)
    output = chosen.describe(
        RawOutput(
            opened.name,
            answer,
            options,
            sidecar,
            known,
            opened.file,
            input=spec_input,
            run=lambda images: network.raw(network.encode(images)),
        )
    )
    network.scores = output.scores
    spec = ModelSpec(
        name=opened.name,
        source=source,
        input=spec_input,
        activation=output.activation,
        classes=output.classes,
        readout=output.readout,
        readout_params=output.params,
        unit=output.unit,
        device=str(network.device),
        precision=options.precision,
        fingerprint=fingerprint(tensors, network.module),
        notes=(*opened.notes, *notes, *copied, *_rounding(options), *answered, *output.notes),
    )
    return TorchAdapter(
        network,
        spec,
        options,
        output,
        opened.program,
        opened.recipe,
        adopt_module,
        opened.lacking | lacking,
    )


def place(
    opened: Opened, spec: InputSpec, options: ModelOptions
) -> tuple[Network, tuple[str, ...]]:
    """The module on its device in float32, and a note where the user's own one was copied."""
    module, owned = opened.module, opened.owned
    check_filled(module, opened.name)
    first = next((each for each in module.parameters() if each.is_floating_point()), None)
    held = None if owned or first is None else first.device
    device = choose_device(options.device, held)
    reasons = [] if owned else why_changed(module, device)
    if reasons:
        module, owned = duplicate(module), True
    if owned:
        change(module, device)
    notes = [f"the module is {' and '.join(reasons)}; a copy in float32 is explained"]
    network = Network(module, spec, device, options.precision, owned)
    return network, tuple(notes if reasons else ())


def other_channels(network: Network) -> int | None:
    """The channels of the first convolution, where it takes others and those described fail."""
    layers = network.module.modules()
    first = next((each for each in layers if isinstance(each, nn.Conv2d)), None)
    if first is None or first.in_channels == len(network.input.mean):
        return None
    try:
        network.raw(network.encode(probe(network)))
    except Exception:  # the model's own code: anything can happen
        return first.in_channels
    return None


def first_answer(
    network: Network, name: str, readout: Readout
) -> tuple[Network, Any, tuple[str, ...], frozenset[Capability]]:
    """The network, its raw answer to two random images, notes on how it answers, what it lacks.

    Where the readout reads one part of the answer, the network is one that answers with that part.
    Raises ModelError where the module fails.
    """
    images = network.encode(probe(network))
    try:
        answer = network.try_layout(images)
    except Exception as error:  # the model's own code: anything can happen
        raise ModelError(
            f"{name} {explain_failure(network.module, network.raw, images, error)}"
        ) from error
    notes: tuple[str, ...] = ()
    keys = None if isinstance(answer, Tensor) else readout.part(answer, len(images))
    if keys is not None:
        notes = (part_note(answer, keys),)
        network = replace(network, module=ScoresOf(network.module, keys))
        answer = network.raw(images)
    if not isinstance(answer, Tensor):
        return network, answer, notes, frozenset()
    single, sloped = single_answers(network, name, images)
    if not sloped:
        notes = (*notes, WITHOUT_SLOPES)
    lacking = frozenset() if sloped else frozenset({Capability.GRADIENTS})
    return network, answer, (*notes, *_steadiness(network, images, answer, single)), lacking


def single_answers(network: Network, name: str, images: Tensor) -> tuple[Tensor, bool]:
    """The raw answers to images one by one, in a row, and whether slopes lead to the pixels.

    Raises ModelError where the module only runs on several images.
    """
    try:
        with torch.enable_grad(), network.running():
            pixels = images[:1].clone().requires_grad_()
            first = network.module(network.arrange(pixels.clone()))
        sloped = reaches(first, pixels)
    except Exception:  # the module's own code: it may run without recording
        first, sloped = None, False
    with users_code(f"{name} must take one image as well as several; it fails on one alone"):
        rest = [network.raw(each[None]) for each in images[0 if first is None else 1 :]]
        recorded = [] if first is None else [first.detach().float()]
        return torch.cat([each.flatten() for each in (*recorded, *rest)]), sloped


def _steadiness(network: Network, images: Tensor, scores: Tensor, single: Tensor) -> Iterator[str]:
    """Notes where the module answers otherwise when it is asked again, or image by image."""
    tolerance = STEADY[network.precision]
    if not close(network.raw(images), scores, tolerance):
        yield VARIES
    elif not close(single, scores.flatten(), tolerance):
        yield (
            "an image's scores depend on the others in its batch (batch statistics?): maps of "
            "methods that ask about many images at once are not to be trusted"
        )


def _rounding(options: ModelOptions) -> Iterator[str]:
    """A note where the program has PyTorch round the products of float32 matrices."""
    chosen = torch.get_float32_matmul_precision()
    if options.precision == "fp32" and chosen != "highest":
        yield (
            f"products of matrices are rounded by torch.set_float32_matmul_precision({chosen!r}); "
            "set 'highest' for maps in float32"
        )


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
        readout_params=spec.readout_params,
        recipe=recipe,
    )
    given = ModelOptions(
        device=spec.device,
        precision=base.options.precision,
        readout=spec.readout,
        readout_params=spec.readout_params,
    )
    return describe(opened, f"{LIVE}{name}", given)


def _reopening(base: TorchAdapter) -> ModelOptions:
    """Options that open the base again on any machine: absolute paths, no device.

    A registered model, whose source is its name, has its files in the registry.
    """
    options, registered = base.options, base.spec.source == base.spec.name
    files = {
        name: None if registered else absolute_file(value) if isinstance(value, str) else value
        for name, value in (("weights", options.weights), ("classes", options.classes))
    }
    return options.model_copy(update={**files, "device": None, "precision": "fp32"})
