"""The source `timm:NAME`, with the preprocessing and the class names that timm gives for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from interp.errors import ModelError, first_line, nearest
from interp.spec import ModelOptions
from interp_torch.sources.arguments import split_arguments
from interp_torch.sources.hub import quiet_hub
from interp_torch.sources.opened import RANDOM, RANDOM_NOTE, Opened, random_start, unfetched
from interp_torch.weights import load_weights

RESIZE = {"center": "crop", "squash": "squash", "border": "letterbox"}
"""timm's crop mode -> ours."""
HUB = ("hf-hub:", "hf_hub:", "local-dir:")
"""Beginnings of names that timm looks up elsewhere than in its own list."""
IMAGENET = 1000


def open_timm(text: str, options: ModelOptions) -> Opened:
    """`timm:NAME@key=value` with its pretrained weights, a file's, or random ones.

    The arguments are those of timm.create_model, such as num_classes, img_size or global_pool.
    """
    timm = _timm()
    name, arguments = split_arguments(text)
    if not name.startswith(HUB) and not timm.is_model(name):
        known = [*timm.list_models(), *timm.list_pretrained()]
        raise ModelError(f"timm has no model {name!r}; {nearest(name, known)}")
    with quiet_hub():
        module = _create(timm, name, arguments, pretrained=options.weights is None)
    notes: tuple[str, ...] = ()
    if options.weights == RANDOM:
        notes = (RANDOM_NOTE,)
    elif options.weights is not None:
        notes = load_weights(module, Path(options.weights))
    if getattr(module, "num_classes", None) == 0:
        notes = (*notes, f"timm:{name} has no classifier: its outputs are features, not classes")
    preprocessing, told = _preprocessing(timm, module, arguments)
    classes = _classes(timm, module)
    return Opened(
        module,
        name.removeprefix("hf-hub:").replace("/", "-"),
        owned=True,
        input=preprocessing,
        classes=classes,
        activation="softmax" if classes else None,
        file=Path(options.weights) if options.weights not in (None, RANDOM) else None,
        notes=(*notes, *told),
    )


def _timm() -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise ModelError("timm is not installed; pip install 'interp[timm]'") from error
    return timm


def _create(timm: ModuleType, name: str, arguments: dict[str, Any], pretrained: bool) -> nn.Module:
    """The model; ModelError where timm refuses the arguments or cannot fetch the weights."""
    config = None if name.startswith(HUB) else timm.get_pretrained_cfg(name)
    if pretrained and config is not None and not config.has_weights:
        raise ModelError(
            f"timm has no weights for {name}; give a file with --weights FILE, or --weights random"
        )
    try:
        with random_start():
            made: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except Exception as error:  # the model's own code, and a name of the hub's without network
        raise ModelError(
            f"timm:{name} cannot be made with {arguments or 'its defaults'}: {first_line(error)}"
        ) from error
    if not pretrained:
        return made
    try:
        fetched: nn.Module = timm.create_model(name, pretrained=True, **arguments)
    except Exception as error:  # no network, no space, a damaged download
        raise unfetched(f"timm:{name}", error) from error
    return fetched


def _preprocessing(
    timm: ModuleType, module: nn.Module, arguments: dict[str, Any]
) -> tuple[dict[str, object], list[str]]:
    """Input size, crop and normalisation from the model's pretrained_cfg."""
    found = timm.data.resolve_model_data_config(module)
    size = arguments.get("img_size", found["input_size"][1:])
    height, width = (size, size) if isinstance(size, int) else size
    mode, crop = found["crop_mode"], float(found["crop_pct"])
    preprocessing = {
        "size": (height, width),
        "resize": RESIZE.get(mode, "crop"),
        "crop": min(1.0, crop),
        "mean": tuple(found["mean"]),
        "std": tuple(found["std"]),
    }
    if mode not in RESIZE or (mode != "center" and crop != 1):
        return preprocessing, [f"timm crops {mode!r} with {crop:g}, which is only approximated"]
    return preprocessing, []


def _classes(timm: ModuleType, module: Any) -> tuple[str, ...] | None:
    """Class names from the configuration, or those of the ImageNet subset it was trained on."""
    config = module.pretrained_cfg
    count = getattr(module, "num_classes", None)
    names, texts = config.get("label_names"), config.get("label_descriptions") or {}
    if names and len(names) == count:
        return short([str(texts.get(each, each)) for each in names])
    if not count or count != config.get("num_classes", IMAGENET):
        return None
    subset = timm.data.infer_imagenet_subset(module)
    if subset is None:
        return None
    info = timm.data.ImageNetInfo(subset)
    return short([info.index_to_description(index) for index in range(info.num_classes())])


def short(names: Sequence[str]) -> tuple[str, ...]:
    """The first of each name's synonyms, as far as that tells it from all others.

    Names that are the same altogether get their index, as in "crane (134)".
    """
    firsts = [name.partition(",")[0].strip() for name in names]
    counts, wholes = Counter(firsts), Counter(names)
    return tuple(
        first if counts[first] == 1 else name if wholes[name] == 1 else f"{name} ({index})"
        for index, (first, name) in enumerate(zip(firsts, names, strict=True))
    )
