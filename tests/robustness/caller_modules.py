"""Modules as programs hold them, and as their forwards are written."""

from __future__ import annotations

import copy
import warnings
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.networks import seeded
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import checkpoint

import interp
from interp.model import ModelAdapter
from robustness.caller import (
    HOOKED,
    IMAGE,
    METHODS,
    OPTIONS,
    Caller,
    Net,
    maps,
    module_state,
    network,
    refuses,
    same,
    works,
)

HELD, WRITTEN = "Modules as a program holds them", "Modules by how they are written"
IMAGES = torch.rand(2, 3, 36, 36, generator=torch.Generator().manual_seed(0))
BATCH = torch.export.Dim.DYNAMIC


def quietly(make: Callable[[], Any]) -> Any:
    """What `make` gives, without PyTorch's warnings about what is going to leave it.

    Quantisation draws random numbers, which are not the call's.
    """
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        return make()


def untouched(make: Callable[[], nn.Module], methods: Sequence[str] = METHODS) -> Callable:
    """A call that finds the usual maps, and leaves the module as it was."""

    def call(_: Path) -> None:
        module = make()
        before = module_state(module)
        same(maps(module, methods))
        assert module_state(module) == before, "the module is another than before"

    return call


def frozen() -> nn.Module:
    return network().requires_grad_(False)


def with_gradients() -> nn.Module:
    module = network()
    module(IMAGES).sum().backward()
    return module


def inference_made() -> nn.Module:
    with torch.inference_mode():
        return network()


def rectified_in_place() -> nn.Module:
    module = network()
    for each in module.modules():
        if isinstance(each, nn.ReLU):
            each.inplace = True
    return module


def compiled_forward() -> nn.Module:
    module = network()
    module.forward = torch.compile(module.forward, backend="eager")  # type: ignore[method-assign]
    return module


def convolutions(change: Callable[[nn.Module], object]) -> nn.Module:
    """The network with something done to its convolutions."""
    module = network()
    with torch.random.fork_rng():
        for each in list(module.modules()):
            if isinstance(each, nn.Conv2d):
                quietly(lambda each=each: change(each))
    return module.eval()


def as_itself(make: Callable[[], nn.Module]) -> Callable[[Path], None]:
    """A call on a network of other answers: scores, slopes and all cuts are the module's own."""

    def call(_: Path) -> None:
        module = make()
        model = interp.open_model(module, options=OPTIONS)
        pixels = model.prepare(IMAGE)[0][None]
        with torch.no_grad():
            own = module(pixels)
        torch.testing.assert_close(model.predict(pixels), own)
        leaf = pixels.clone().requires_grad_()
        module(leaf)[0, 0].backward()
        assert leaf.grad is not None
        found = interp.explain(module, IMAGE, method="saliency", target=0, options=OPTIONS)
        placement = model.prepare(IMAGE)[1]
        slopes = placement.to_image(leaf.grad[0].abs().amax(0).numpy())
        np.testing.assert_allclose(found.map(), slopes, atol=1e-4 * slopes.max())
        cuts_hold(model)

    return call


def cuts_hold(model: ModelAdapter) -> None:
    """Raise AssertionError unless every layer can be cut, and what crosses gives the scores."""
    whole, layers = model.predict(IMAGES), model.layers()
    assert layers
    for layer in layers:
        cut = model.cut(layer.name)
        both, first = cut.prefix(IMAGES), cut.prefix(IMAGES[:1])
        torch.testing.assert_close(cut.suffix(both, both.activation), whole, rtol=1e-4, atol=1e-4)
        several = first.activation.expand(3, *first.activation.shape[1:])
        expected = whole[:1].expand(3, -1)
        torch.testing.assert_close(cut.suffix(first, several), expected, rtol=1e-4, atol=1e-4)


def doubled(place: str) -> Callable[[], nn.Module]:
    """The network with a hook of its own that alters an output, or an input."""

    def make() -> nn.Module:
        module = network()
        if place == "input":
            module.body.register_forward_pre_hook(lambda _, given: (given[0] * 2,))
        else:
            part = module if place == "whole" else module.stem
            part.register_forward_hook(lambda _, __, output: output * 2)
        return module

    return make


def scores_only(make: Callable[[], object], offers: str, methods: Sequence[str]) -> Callable:
    """A call on a program without layers: these methods' maps, and Grad-CAM refused."""

    def call(_: Path) -> None:
        model = make()
        same(maps(model, methods))
        refuses(lambda: maps(model, ["gradcam"]), offers)

    return call


def quantised(make: Callable[[], nn.Module], refused: dict[str, str]) -> Callable[[Path], None]:
    """A call on a quantised network: RISE follows its own scores, slopes are refused."""

    def call(_: Path) -> None:
        module = make()
        model = interp.open_model(module, options=OPTIONS)
        pixels = model.prepare(IMAGE)[0][None]
        torch.testing.assert_close(model.predict(pixels), module(pixels).detach())
        assert np.isfinite(maps(module, ["rise"])["rise"]).all()
        for method, words in refused.items():
            refuses(lambda method=method: maps(module, [method]), words)

    return call


def dynamic() -> nn.Module:
    kinds = {nn.Linear}
    return quietly(lambda: torch.ao.quantization.quantize_dynamic(network(), kinds, torch.qint8))


def static() -> nn.Module:
    from torch.ao import quantization
    from torch.ao.quantization import quantize_fx

    def make() -> nn.Module:
        mapping = quantization.get_default_qconfig_mapping()
        prepared = quantize_fx.prepare_fx(network(), mapping, (IMAGES,))
        prepared(IMAGES)
        return quantize_fx.convert_fx(prepared)

    return quietly(make)


def eager() -> nn.Module:
    quantization = torch.ao.quantization

    class Quantised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.quant, self.net = quantization.QuantStub(), network()
            self.dequant = quantization.DeQuantStub()

        def forward(self, image: Tensor) -> Tensor:
            return self.dequant(self.net(self.quant(image)))

    def make() -> nn.Module:
        module = Quantised().eval()
        module.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
        quantization.prepare(module, inplace=True)
        module(IMAGES)
        return quantization.convert(module)

    return quietly(make)


def part(change: Callable[[nn.Module], nn.Module]) -> Callable[[], nn.Module]:
    """The network with its body scripted or traced."""

    def make() -> nn.Module:
        module = network()
        module.body = quietly(lambda: change(module.body))
        return module

    return make


def part_hooked(_: Path) -> None:
    module = part(torch.jit.script)()
    same(maps(module))
    refuses(lambda: maps(module, ["layer-conductance"]), "body of Net takes no hooks (scripted")


def lazy() -> nn.Module:
    module = network()
    module.fc = quietly(lambda: nn.LazyLinear(4))  # type: ignore[assignment]
    return module


def exported(free: bool = True) -> torch.export.ExportedProgram:
    shapes = ({0: BATCH},) if free else None
    return torch.export.export(network(), (IMAGES,), dynamic_shapes=shapes)


class Part(nn.Module):
    """A submodule that answers its maps in some container."""

    def __init__(self, inner: nn.Module, form: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.inner, self.form = inner, form

    def forward(self, image: Tensor) -> object:
        return self.form(self.inner(image))


class Nested(Net):
    """The network with a submodule that answers a container."""

    def __init__(self, form: Callable[[Tensor], object], get: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.stem, self.get = Part(self.stem, form), get  # type: ignore[assignment]

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.body(self.get(self.stem(image))).mean((2, 3)))


Pair = namedtuple("Pair", "maps twice")


@dataclass
class Found:
    """Maps as a dataclass holds them."""

    maps: Tensor
    more: object = None


def nested(form: Callable[[Tensor], object], get: Callable[[Any], Tensor]) -> Callable:
    def call(_: Path) -> None:
        module = seeded(lambda: Nested(form, get))
        same(maps(module, [*METHODS, "guided-gradcam"]))
        cuts_hold(interp.open_model(module, options=OPTIONS))

    return call


class Attending(nn.Module):
    """Attention whose bias by position is a view of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 6, 6), nn.LayerNorm(16)
        self.qkv, self.proj, self.fc = nn.Linear(16, 48), nn.Linear(16, 16), nn.Linear(16, 4)
        self.table = nn.Parameter(torch.randn(121, 2))
        cells = torch.stack(torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij"))
        apart = (cells.flatten(1)[:, :, None] - cells.flatten(1)[:, None]) + 5
        self.register_buffer("at", apart[0] * 11 + apart[1])

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.stem(image).flatten(2).mT
        n, count, width = tokens.shape
        split = self.qkv(self.norm(tokens)).reshape(n, count, 3, 2, width // 2)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        bias = self.table[self.at.view(-1)].view(count, count, -1).permute(2, 0, 1)
        weights = (query @ key.mT / 3 + bias.contiguous()[None]).softmax(-1)
        attended = (weights @ value).transpose(1, 2).reshape(n, count, width)
        return self.fc((tokens + self.proj(attended)).mean(1))


class Around(nn.Module):
    """The network, called in some way of its own."""

    def __init__(self, forward: Callable[..., object]) -> None:
        super().__init__()
        self.net, self.way = network(), forward

    def forward(self, *args: Any, **kwargs: Any) -> object:
        return self.way(self.net, *args, **kwargs)


def around(way: Callable[..., object]) -> Callable[[], nn.Module]:
    return lambda: Around(way).eval()


def twice_named() -> nn.Module:
    module = network()
    module.alias, module.again = module.body, module.body[0]  # type: ignore[assignment]
    return module


def without_recording(net: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        return net(image)


def refused_slopes(_: Path) -> None:
    module = around(without_recording)()
    same(maps(module, ["rise"]))
    refuses(lambda: maps(module, ["saliency"]), "saliency needs GRADIENTS; Around offers")
    refuses(lambda: maps(module, ["gradcam"]), "Around has no slopes at net.body")


class Rounding(nn.Module):
    """Runs in bfloat16 by an autocast of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.net(image)


def rounded(_: Path) -> None:
    found = maps(Rounding(), ["gradcam", "rise"])
    for name, values in found.items():
        assert np.corrcoef(values.ravel(), maps(network(), [name])[name].ravel())[0, 1] > 0.99


def plain_layers(net: Net) -> nn.Module:
    """The network without convolutions that the class sees: one long vector."""
    return seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 36 * 36, 8), nn.Linear(8, 4)))


GRIDLESS = ("mint", "chip", "gradcam", "score-cam", "channel-ablation", *HOOKED)


def gridless(_: Path) -> None:
    """Methods that need a grid say so in `explain`, and in their cell of a comparison."""
    module, words = plain_layers(network()), "has no layer with channels over a grid"
    for method in GRIDLESS:
        refuses(lambda method=method: maps(module, [method]), words)
    found = interp.compare(module, IMAGE, methods=["mint", "edges"], options=OPTIONS)
    errors = [cell.error or "" for case in found.cases for cell in case.cells]
    assert words in errors[0] and not errors[1]


def held(name: str, make: Callable[[], nn.Module], methods: Sequence[str] = METHODS) -> Caller:
    return Caller(name, HELD, untouched(make, methods))


def written(name: str, make: Callable[[], object], methods: Sequence[str] = METHODS) -> Caller:
    return Caller(name, WRITTEN, works(make, methods))


OWN = "its own scores, slopes and cuts"
NO_LAYERS = "Net offers gradients, predict"
ROWS = (
    held("in training mode", lambda: network().train(), (*METHODS, *HOOKED)),
    held("with requires_grad False", frozen, (*METHODS, *HOOKED)),
    held("with gradients on its parameters", with_gradients),
    held("of tensors made in inference mode", inference_made),
    held("with activations in place", rectified_in_place, (*METHODS, *HOOKED)),
    held("channels_last", lambda: network().to(memory_format=torch.channels_last)),
    held("DataParallel", lambda: nn.DataParallel(network())),
    Caller("torch.compile(module)", HELD, works(lambda: torch.compile(network()))),
    Caller("module.forward = torch.compile(module.forward)", HELD, works(compiled_forward, HOOKED)),
    Caller("a GraphModule of torch.fx", HELD, works(lambda: torch.fx.symbolic_trace(network()))),
    Caller("an ExportedProgram", HELD, works(exported), slow=True),
    Caller("an ExportedProgram of a fixed batch", HELD, lambda _: maps(exported(False)),
           refused="was exported for 2 image(s) at a time"),
    Caller("the module of an ExportedProgram of a fixed batch", HELD,
           lambda _: maps(exported(False).module()),
           refused="must take one image as well as several; it fails on one alone"),
    Caller("a scripted module", HELD, scores_only(
        lambda: quietly(lambda: torch.jit.script(network())), NO_LAYERS, ("rise", "saliency")),
        "the usual maps by scores and slopes; layers are refused"),
    Caller("a traced module", HELD, scores_only(
        lambda: quietly(lambda: torch.jit.trace(network(), IMAGES)), NO_LAYERS,
        ("rise", "saliency")), "the usual maps by scores and slopes; layers are refused"),
    Caller("a scripted part", HELD, part_hooked, "the usual map; Captum's hooks on it are refused"),
    Caller("a traced part", HELD,
           works(part(lambda each: torch.jit.trace(each, torch.ones(2, 8, 18, 18))))),
    Caller("dynamically quantised", HELD, quantised(dynamic, {
        "saliency": "saliency needs GRADIENTS; Net offers activations, cut, module, predict",
        "gradcam": "has no slopes at body"}), "maps of its own scores; slopes are refused"),
    Caller("statically quantised by torch.fx", HELD, quantised(static, {
        "gradcam": "gradcam needs CUT; GraphModule offers predict",
        "mint": "mint needs ACTIVATIONS"}), "maps of its own scores; layers are refused"),
    Caller("statically quantised", HELD, quantised(eager, {
        "saliency": "saliency needs GRADIENTS; Quantised offers predict"}),
        "maps of its own scores; layers are refused"),
    Caller("with weight_norm", HELD, works(lambda: convolutions(parametrizations.weight_norm))),
    Caller("with the old weight_norm", HELD, works(
        lambda: convolutions(nn.utils.weight_norm), (*METHODS, *HOOKED))),
    Caller("with spectral_norm", HELD,
           as_itself(lambda: convolutions(parametrizations.spectral_norm)), OWN),
    Caller("under parametrize.cached()", HELD, lambda _: cached_parametrization()),
    Caller("a hook of its own doubles a part's output", HELD, as_itself(doubled("part")), OWN),
    Caller("a hook of its own doubles a part's input", HELD, as_itself(doubled("input")), OWN),
    Caller("a hook of its own doubles the answer", HELD, as_itself(doubled("whole")), OWN),
    Caller("on the meta device", HELD, lambda _: maps(network().to("meta")),
           refused="is on the meta device, which holds no values; load its weights first"),
    Caller("with a lazy layer", HELD, lambda _: maps(lazy()),
           refused="fc.weight of Net is not initialised (a lazy module); run it on an image first"),
    Caller("its bound method, module.forward", HELD, lambda _: maps(network().forward),
           refused="give the Net itself, which takes tensors"),
    Caller("a copy", HELD, works(lambda: copy.deepcopy(network()))),
    Caller("a part answers a dictionary", WRITTEN,
           nested(lambda maps: {"maps": maps, "count": 3}, lambda found: found["maps"])),
    Caller("a part answers a tuple with None", WRITTEN,
           nested(lambda maps: (maps, None), lambda found: found[0])),
    Caller("a part answers a NamedTuple", WRITTEN,
           nested(lambda maps: Pair(maps, maps * 2), lambda found: found.maps)),
    Caller("a part answers a dataclass", WRITTEN,
           nested(lambda maps: Found(maps, {"a": maps}), lambda found: found.maps)),
    Caller("a part answers a dataclass in a list in a dictionary", WRITTEN,
           nested(lambda maps: {"a": [Found(maps)]}, lambda found: found["a"][0].maps)),
    Caller("attention with a view of position biases", WRITTEN,
           as_itself(lambda: seeded(Attending)), OWN),
    written("one part under three names", twice_named),
    written("forward(*args, **kwargs)", around(lambda net, *a, **k: net(*a, **k))),
    written("scores in a dictionary", around(lambda net, image: {"logits": net(image), "n": 1})),
    written("gradient checkpointing", around(
        lambda net, image: checkpoint(net, image, use_reentrant=False))),
    Caller("vmap in its forward", WRITTEN, works(
        around(lambda net, image: torch.vmap(lambda one: net(one[None])[0])(image)),
        ("rise", "saliency"))),
    Caller("no_grad in its forward", WRITTEN, refused_slopes,
           "the usual maps of scores; slopes are refused"),
    Caller("autocast in its forward", WRITTEN, rounded, "maps in its own precision"),
    Caller("a random part (dropout left on)", WRITTEN, lambda _: noted(
        around(lambda net, image: nn.functional.dropout(net(image), 0.5)),
        "answers differently each time"), "told in the notes"),
    Caller("scores that depend on the batch", WRITTEN, lambda _: noted(
        around(lambda net, image: net(image) - net(image).mean(0)),
        "depend on the others in its batch"), "told in the notes"),
    Caller("no layer over a grid, methods that need one", WRITTEN, gridless,
           "refused: has no layer with channels over a grid"),
)  # fmt: skip


def cached_parametrization() -> None:
    module = convolutions(parametrizations.weight_norm)
    with parametrize.cached():
        same(maps(module))


def noted(make: Callable[[], nn.Module], words: str) -> None:
    state = torch.get_rng_state()
    model = interp.open_model(make(), options=OPTIONS)
    torch.set_rng_state(state)  # the module's own draws
    assert any(words in each for each in model.spec.notes), model.spec.notes
