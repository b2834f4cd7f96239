"""Models of torchvision, timm and transformers with random weights, opened by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from support.networks import seeded
from torch import Tensor, nn

from interp.spec import ModelOptions
from zoo.specimen import Given, Specimen

CLASSES = 5
PLAIN = {"mean": (0.5,) * 3, "std": (0.25,) * 3}


def torchvision(name: str, size: int = 64, **more: Any) -> Specimen:
    """`torchvision:NAME` with a file of weights."""

    def make(folder: Path) -> Given:
        from torchvision import models

        module = lively(seeded(lambda: models.get_model(name, weights=None)), size)
        options = _saved(module, folder, size)
        return Given(f"torchvision:{name}", options, module)

    return Specimen(f"torchvision:{name}", "torchvision", make, **more)


def torchvision_module(
    name: str, size: int = 64, build: Callable[[Any], nn.Module] | None = None, **more: Any
) -> Specimen:
    """A live module of torchvision with few classes, for models whose file of weights is large.

    `build` makes a small one of torchvision.models.
    """

    def make(folder: Path) -> Given:
        from torchvision import models

        def made() -> nn.Module:
            if build is not None:
                return build(models)
            quick = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            made: nn.Module = models.get_model(name, weights=None, num_classes=CLASSES, **quick)
            return made

        module = lively(seeded(made), size)
        return Given(module, _sized(size), module)

    return Specimen(f"torchvision's {name}, a module", "torchvision", make, **more)


def timm(name: str, size: int = 64, arguments: str = "", words: str = "", **more: Any) -> Specimen:
    """`timm:NAME@num_classes=5,...` with a file of weights; `words` tell it from its namesake."""
    source = f"timm:{name}@num_classes={CLASSES}{arguments and f',{arguments}'}"

    def make(folder: Path) -> Given:
        import timm

        from interp_torch.sources.arguments import split_arguments

        named = split_arguments(source.removeprefix("timm:"))[1]
        module = lively(seeded(lambda: timm.create_model(name, **named)), size)
        return Given(source, _saved(module, folder, size), module)

    return Specimen(f"timm:{name}{words}", "timm", make, **more)


def transformers(kind: str, size: int = 32, **config: Any) -> Specimen:
    """`hf:FOLDER`, of a small configuration, as save_pretrained writes it."""
    more = {key: config.pop(key) for key in ("refusals", "always") if key in config}

    def make(folder: Path) -> Given:
        import transformers

        transformers.utils.logging.disable_progress_bar()
        made = transformers.AutoConfig.for_model(kind, num_labels=CLASSES, **config)
        found = transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(made)]
        build = found[0] if isinstance(found, tuple) else found
        module = lively(seeded(lambda: build(made)), size, lambda output: output.logits)
        module.save_pretrained(folder / kind)  # type: ignore[operator]
        return Given(f"hf:{folder / kind}", _sized(size), module, lambda output: output.logits)

    return Specimen(f"hf: {kind}", "transformers", make, **more)


def lively(
    module: nn.Module, size: int, read: Callable[[Any], Tensor] = lambda output: output
) -> nn.Module:
    """The module with a head whose scores of noise are about 1, as those of random weights are not.

    Some heads begin with zeros, and some networks without training answer thousands.
    """
    heads = [each for each in module.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        images = torch.randn(2, 3, size, size)
        scores = read(module(images))
        head = next(each for each in reversed(heads) if len(each.weight) == scores.shape[1])
        if not scores.any():
            nn.init.normal_(head.weight)
            scores = read(module(images))
        head.weight /= scores.std()
        if head.bias is not None:
            head.bias /= scores.std()
    return module


def _sized(size: int, **more: Any) -> ModelOptions:
    return ModelOptions(device="cpu", input={"size": (size, size), **PLAIN}, **more)


def _saved(module: nn.Module, folder: Path, size: int) -> ModelOptions:
    """Options that open the module's weights from a file."""
    torch.save(module.state_dict(), folder / "weights.pth")
    return _sized(size, weights=str(folder / "weights.pth"))
