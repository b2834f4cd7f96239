"""Model cards: preprocessing, activation and class names, beside a model file or in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Literal

from interp.errors import InputError, ModelError, RegistryError
from interp.spec import IMAGENET_MEAN, IMAGENET_STD, InputSpec, ModelOptions, ModelSpec, Plain
from interp.storage.folder import read_whole
from interp.storage.text_file import read_text
from interp.storage.yaml_file import DocumentError, as_record, key_path, read_yaml

LARGEST, MOST_CHANNELS = 1 << 26, 4096
"""Values of one input of a network, and its channels, beyond which its description is wrong."""
CLASS_FILES = ("classes.txt", "classes.tsv")
"""Files of class names that are picked up from a model file's folder."""
ORIGIN, KNOWN = "interp.origin", "interp.known"
"""Metadata keys of an exported file: the original's fingerprint, and its model card in JSON."""


class ModelCard(Plain):
    """What a model file does not say itself; in `<model file>.interp.yaml` or its metadata."""

    input: dict[str, object] = {}
    classes: tuple[str, ...] | str | None = None
    activation: Literal["softmax", "sigmoid", "none"] | None = None
    readout: str | None = None
    readout_params: dict[str, Any] = {}


def read_model_card(model: Path | None) -> ModelCard:
    """The card beside a model file, empty where there is none. Raises ModelError for a slip."""
    path = None if model is None else model.with_name(f"{model.name}.interp.yaml")
    if path is None or not path.is_file():
        return ModelCard()
    try:
        return as_record(ModelCard, read_yaml(path) or {}, ())
    except RegistryError as error:
        raise ModelError(str(error)) from error
    except DocumentError as error:
        raise ModelError(f"{path}: {key_path(error.keys)}: {error}") from error


def to_metadata(spec: ModelSpec) -> dict[str, str]:
    """What an export of the model says about it: its fingerprint and its card."""
    card = ModelCard(
        input=spec.input.model_dump(),
        classes=spec.classes,
        activation=spec.activation,
        readout=None if spec.readout == "classes" else spec.readout,
        readout_params=spec.readout_params,
    )
    return {ORIGIN: spec.fingerprint, KNOWN: card.model_dump_json(exclude_defaults=True)}


def from_metadata(metadata: Mapping[str, str], name: str) -> ModelCard:
    """The card in an export's metadata, empty in another file. Raises ModelError for a slip."""
    if KNOWN not in metadata:
        return ModelCard()
    try:
        card = as_record(ModelCard, json.loads(metadata[KNOWN]), ())
    except (ValueError, DocumentError) as error:
        raise ModelError(f"{name}: metadata {KNOWN!r} cannot be read ({error})") from error
    if isinstance(card.classes, str):
        raise ModelError(f"{name}: metadata {KNOWN!r} names a file of classes; expected their list")
    return card


def describe_input(
    known: Mapping[str, object],
    card: ModelCard,
    options: ModelOptions,
    channels: int | None = None,
) -> tuple[InputSpec, list[str]]:
    """The preprocessing, and notes on what was assumed.

    `channels` are those that the model takes, None where that is not known: then the number of
    means says it, a single one that it takes grey images.
    The model card overrides what is `known` of the model, and the options override both. Raises
    ModelError for a wrong field.
    """
    if channels is not None and not 0 < channels <= MOST_CHANNELS:
        raise ModelError(
            f"input: found {channels:,} channels; expected 1 to {MOST_CHANNELS:,}; export the "
            "model for images"
        )
    if channels is not None:  # what was trained on RGB says nothing of other channels
        known = {key: each for key, each in known.items() if _suits(key, each, channels)}
    given: dict[str, Any] = {**known, **card.input, **options.input}
    normalised = {"mean", "std"} & given.keys()
    if channels not in (None, 3):  # no normalisation, unless one is given
        given = {"mean": (0.0,) * channels, "std": (1.0,) * channels, **given}
    try:
        spec = as_record(InputSpec, given, ("input",))
    except DocumentError as error:
        raise ModelError(f"{key_path(error.keys)}: {error}") from error
    count = channels or len(spec.mean)
    _check_positive(spec, count)
    notes = _on_channels(count, spec.bands)
    if count != 3 and not normalised:
        halves = ",".join([".5"] * count)
        kind = "grey values" if count == 1 else "values"
        notes.append(
            f"no normalisation given; assumed {kind} in [0, 1]; set with --input mean={halves} "
            f"--input std={halves}"
        )
    elif not normalised:
        mean, std = (",".join(map(str, each)) for each in (IMAGENET_MEAN, IMAGENET_STD))
        notes.append(
            "no normalisation given; assumed ImageNet mean and std; "
            f"set with --input mean={mean} --input std={std}"
        )
    if "size" not in given:
        size = ",".join(map(str, spec.size))
        notes.append(f"no input size given; assumed {size}; set with --input size={size}")
    return spec, notes


def name_classes(
    count: int,
    known: Sequence[str] | None,
    model: Path | None,
    card: ModelCard,
    options: ModelOptions,
    also: Sequence[int] = (),
    word: str = "class",
) -> tuple[tuple[str, ...], list[str]]:
    """Names for `count` outputs and notes on where they come from.

    `also` lists other numbers of names that are accepted; `word` stands in the default names.

    They come from the options' list or file, else from the model card, else from what is `known` of
    the model, else from a class file beside the model file that has the right length; else they are
    "class 0" and so on. Raises ModelError where a named list or file has another length.
    """
    given, source = None, ""
    if isinstance(options.classes, tuple):
        given, source = options.classes, "the list of class names"
    elif options.classes is not None:
        given, source = read_classes(Path(options.classes)), options.classes
    elif isinstance(card.classes, str) and model is not None:
        given, source = read_classes(model.parent / card.classes), f"{model.parent / card.classes}"
    elif isinstance(card.classes, tuple):
        given, source = card.classes, "the model card"
    if given is not None:
        if len(given) not in (count, *also):
            raise ModelError(
                f"{source} names {len(given)} classes; the model has {count} outputs; name as many "
                "with --classes FILE"
            )
        return given, []
    if known is not None and len(known) in (count, *also):
        return tuple(known), []
    for path in [] if model is None else [model.parent / each for each in CLASS_FILES]:
        if path.is_file() and len(names := read_classes(path)) in (count, *also):
            return names, [f"class names taken from {path.name} beside the model"]
    names = tuple(f"{word} {index}" for index in range(count))
    return names, [f"no {word} names given; name them with --classes FILE"]


def read_classes(path: Path) -> tuple[str, ...]:
    """Class names in a file: one a line, or a .tsv's column `name` in the order of column `index`.

    Raises ModelError for a file that cannot be read.
    """
    try:
        text = read_text(path)
        if path.suffix != ".tsv":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        with read_whole(path, "columns name and index, separated by tabs"):
            return _read_table(text)
    except InputError as error:
        raise ModelError(f"class names cannot be read: {error}") from error


def _read_table(text: str) -> tuple[str, ...]:
    """The column `name` of a table, in the order of its column `index`, if any."""
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    if any(not row.get("name") for row in rows):
        raise InputError(f"no column 'name' with a text in every row; found {', '.join(rows[0])}")
    if rows and "index" in rows[0]:
        rows.sort(key=lambda row: int(row["index"]))
    return tuple(row["name"] for row in rows)


def _suits(key: str, value: object, channels: int) -> bool:
    """Whether a field of the preprocessing can be that of a model of so many channels."""
    return key not in ("mean", "std") or (isinstance(value, Sized) and len(value) == channels)


def _on_channels(count: int, bands: Sequence[int] | None) -> list[str]:
    """What a model of other channels than RGB is shown, and how its images are drawn."""
    if count == 3:
        return []
    if count == 1:
        return ["the model takes one channel; images are converted to grey"]
    shown = bands or ((1, 2, 3) if count > 2 else (1,))
    drawn = ",".join(map(str, shown))
    note = (
        f"the model takes {count} channels: arrays, .npy or TIFF files that have as many; they are "
        f"drawn by channels {drawn}, each stretched to its range; choose with --input bands={drawn}"
    )
    return [note]


def _check_positive(spec: InputSpec, channels: int) -> None:
    fits = len(spec.mean) == len(spec.std) == channels
    if not fits or min(spec.std) <= 0:
        few = {3: "three values", 1: "one value, since the model takes grey images"}
        count = few.get(channels, f"{channels} values, one for each channel")
        raise ModelError(
            f"input: found mean {spec.mean} and std {spec.std}; expected {count}, std above 0"
        )
    height, width = spec.size
    if min(spec.size) < 1 or channels * height * width > LARGEST:
        raise ModelError(
            f"input: found size {height} x {width} with {channels} channels; expected height and "
            f"width above 0, and at most {LARGEST:,} values; set --input size=224"
        )
