"""The source `hf:FOLDER-or-NAME`: image classifiers of Hugging Face's transformers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

from torch import nn

from interp.errors import ModelError, first_line
from interp.spec import ModelOptions
from interp_torch.checkpoint import few
from interp_torch.sources.arguments import split_arguments
from interp_torch.sources.hub import quiet_hub
from interp_torch.sources.image_processor import open_preprocessing
from interp_torch.sources.opened import RANDOM, RANDOM_NOTE, Opened, random_start, unfetched
from interp_torch.sources.timm import short
from interp_torch.weights import load_weights

ACTIVATIONS: dict[str, Literal["softmax", "sigmoid", "none"]] = {
    "multi_label_classification": "sigmoid",
    "regression": "none",
}
"""transformers' problem type -> the activation; softmax for all others."""


FACTORY = (
    "open it by a factory of your own, package.module:factory, that answers scores, boxes with "
    "--readout boxes or maps with --readout pixels"
)
"""What to do with a model that is no classifier."""


def open_transformers(text: str, options: ModelOptions) -> Opened:
    """`hf:` with a folder that save_pretrained wrote, or a name on the Hub.

    With random weights, a type of model will do, such as `hf:vit@image_size=64`. Arguments after
    `@` are fields of its configuration. Code that comes with a model is never run.
    """
    library = _transformers()
    name, arguments = (text, {}) if Path(text).is_dir() else split_arguments(text)
    notes: tuple[str, ...] = ()
    with _quiet(library), quiet_hub():
        config = _config(library, name, arguments, random=options.weights == RANDOM)
        notes = ()
        if options.weights is None:
            module = _fetched(library, name, config)
        else:
            module = _random(library, config)
            notes = (
                (RANDOM_NOTE,)
                if options.weights == RANDOM
                else load_weights(module, Path(options.weights))
            )
        preprocessing, told = open_preprocessing(library, name, config, arguments)
    problem = str(config.problem_type)
    return Opened(
        module,
        Path(name).name,
        owned=True,
        input=preprocessing,
        classes=_classes(config),
        activation=ACTIVATIONS.get(problem, "softmax"),
        readout="value" if problem == "regression" else None,
        file=Path(options.weights) if options.weights not in (None, RANDOM) else None,
        notes=(*notes, *told),
    )


def _transformers() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            "transformers is not installed; pip install 'interp[transformers]'"
        ) from error
    return transformers


def _config(library: ModuleType, name: str, arguments: dict[str, Any], random: bool) -> Any:
    """The model's configuration; ModelError for what is no image classifier."""
    if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
        raise ModelError(f"hf:{name}: no config.json in it; expected a save_pretrained folder")
    try:
        if random and name in library.CONFIG_MAPPING and not Path(name).is_dir():
            config = library.AutoConfig.for_model(name, **arguments)
        else:
            config = library.AutoConfig.from_pretrained(name, trust_remote_code=False, **arguments)
    except Exception as error:  # no such folder, no network, an unknown type, its own code
        raise _unopened(name, error, random) from error
    if type(config) not in library.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
        found = ", ".join(config.architectures or ()) or type(config).__name__
        raise ModelError(
            f"hf:{name} is a {found}, of which transformers has no image classifier; {FACTORY}"
        )
    return config


def _fetched(library: ModuleType, name: str, config: Any) -> nn.Module:
    """The model with its own weights; ModelError where some are missing."""
    saved = config.architectures or ()
    if saved and not {each.__name__ for each in _kinds(library, config)} & {*saved}:
        raise ModelError(
            f"hf:{name} was saved as {', '.join(saved)}, not as an image classifier; {FACTORY}; "
            "--weights FILE gives a classifier's weights, --weights random goes without"
        )
    auto = library.AutoModelForImageClassification
    try:
        module, info = auto.from_pretrained(
            name, config=config, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # no network, no space, a damaged file, sizes that differ
        raise _unopened(name, error) from error
    odd = [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]
    if odd:
        raise ModelError(
            f"hf:{name} holds no weights for {few(sorted(map(str, odd)))}: it was not trained for "
            "classification as it stands; --weights FILE gives them, --weights random goes without"
        )
    return cast(nn.Module, module)


def _random(library: ModuleType, config: Any) -> nn.Module:
    """A model of this configuration, of the class that it names, or else of the type's first."""
    kinds = _kinds(library, config)
    named = [each for each in kinds if each.__name__ in (config.architectures or ())]
    with random_start():
        made: nn.Module = (*named, *kinds)[0](config)
    return made


def _kinds(library: ModuleType, config: Any) -> tuple[type[nn.Module], ...]:
    """The classes of image classifiers with this type of configuration."""
    found = library.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(config)]
    return found if isinstance(found, tuple) else (found,)


def _unopened(name: str, error: Exception, random: bool = False) -> ModelError:
    """The error to raise where neither a folder nor the Hub gives a model."""
    path = Path(name)
    if path.is_dir():
        return ModelError(f"hf:{name} cannot be opened: {first_line(error)}")
    if path.is_absolute() or name.startswith("."):
        return ModelError(f"hf:{name}: no such folder; check the path")
    if random:
        return ModelError(
            f"the configuration of hf:{name} could not be fetched ({first_line(error)}); with "
            "--weights random a type of model will do, such as hf:vit"
        )
    return unfetched(f"hf:{name}", error)


def _classes(config: Any) -> tuple[str, ...] | None:
    """The configuration's class names; None for the numbered ones that it makes up itself."""
    labels = {int(key): str(each) for key, each in (config.id2label or {}).items()}
    if sorted(labels) != list(range(len(labels))):
        return None
    if all(each == f"LABEL_{index}" for index, each in labels.items()):
        return None
    return short([labels[index] for index in range(len(labels))])


@contextmanager
def _quiet(library: ModuleType) -> Iterator[None]:
    """No warnings and no progress bars of the library's own within the block."""
    logging = library.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
