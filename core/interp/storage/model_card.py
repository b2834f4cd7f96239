"""What stands beside a model file or in its metadata: preprocessing, activation, class names."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from interp.errors import ModelError, RegistryError
from interp.spec import IMAGENET_MEAN, IMAGENET_STD, InputSpec, ModelOptions, ModelSpec, Plain
from interp.storage.yaml_file import Slip, a_record, key_path, read_yaml

BESIDE = ("classes.txt", "classes.tsv")
"""Files of class names that are picked up from a model file's folder."""
ORIGIN, KNOWN = "interp.origin", "interp.known"
"""Metadata keys of an exported file: the original's fingerprint, and a Sidecar in JSON."""


class Sidecar(Plain):
    """`<model file>.interp.yaml`: what the model file does not say itself."""

    input: dict[str, object] = {}
    classes: tuple[str, ...] | str | None = None
    activation: Literal["softmax", "sigmoid", "none"] | None = None


def read_sidecar(model: Path | None) -> Sidecar:
    """The sidecar of a model file, empty where there is none. A slip raises ModelError."""
    path = None if model is None else model.with_name(f"{model.name}.interp.yaml")
    if path is None or not path.is_file():
        return Sidecar()
    try:
        return a_record(Sidecar, read_yaml(path) or {}, ())
    except RegistryError as error:
        raise ModelError(str(error)) from error
    except Slip as error:
        raise ModelError(f"{path}: {key_path(error.keys)}: {error}") from error


def to_metadata(spec: ModelSpec) -> dict[str, str]:
    """What an export of the model says about itself."""
    known = Sidecar(input=spec.input.model_dump(), classes=spec.classes, activation=spec.activation)
    return {ORIGIN: spec.fingerprint, KNOWN: known.model_dump_json()}


def from_metadata(metadata: Mapping[str, str], name: str) -> Sidecar:
    """What a file says about itself, empty where it is nobody's export. ModelError for a slip."""
    if KNOWN not in metadata:
        return Sidecar()
    try:
        known = a_record(Sidecar, json.loads(metadata[KNOWN]), ())
    except (ValueError, Slip) as error:
        raise ModelError(f"{name}: metadata {KNOWN!r} cannot be read ({error})") from error
    if isinstance(known.classes, str):
        raise ModelError(f"{name}: metadata {KNOWN!r} names a file of classes; expected their list")
    return known


def describe_input(
    known: Mapping[str, object], sidecar: Sidecar, options: ModelOptions
) -> tuple[InputSpec, list[str]]:
    """Preprocessing from what is `known` of the model, the sidecar over it, the options over both.

    Returns the guesses as notes. A wrong field raises ModelError.
    """
    given: dict[str, Any] = {**known, **sidecar.input, **options.input}
    try:
        spec = a_record(InputSpec, given, ("input",))
    except Slip as error:
        raise ModelError(f"{key_path(error.keys)}: {error}") from error
    _check_positive(spec)
    notes = []
    if not {"mean", "std"} & given.keys():
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
    sidecar: Sidecar,
    options: ModelOptions,
) -> tuple[tuple[str, ...], list[str]]:
    """Names for `count` outputs and notes on where they come from.

    The options' file, else the sidecar's, else what is `known` of the model, else a class file
    beside the model file that has the right length, else "class 0" and so on. A given file of
    another length raises ModelError.
    """
    given = _given_classes(model, sidecar, options)
    if given is not None:
        names, source = given
        if len(names) != count:
            raise ModelError(f"{source} names {len(names)} classes; the model has {count} outputs")
        return names, []
    if known is not None and len(known) == count:
        return tuple(known), []
    for path in [] if model is None else [model.parent / each for each in BESIDE]:
        if path.is_file() and len(names := read_classes(path)) == count:
            return names, [f"class names taken from {path.name} beside the model"]
    names = tuple(f"class {index}" for index in range(count))
    return names, ["no class names given; name them with --classes FILE"]


def read_classes(path: Path) -> tuple[str, ...]:
    """Class names: one a line, or column `name` of a .tsv, in the order of column `index`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix != ".tsv":
                return tuple(line.strip() for line in file if line.strip())
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: class names cannot be read ({error})") from error
    if rows and "name" not in rows[0]:
        raise ModelError(f"{path}: no column 'name'; found {', '.join(rows[0])}")
    if rows and "index" in rows[0]:
        rows.sort(key=lambda row: int(row["index"]))
    return tuple(row["name"] for row in rows)


def _given_classes(
    model: Path | None, sidecar: Sidecar, options: ModelOptions
) -> tuple[tuple[str, ...], str] | None:
    """The names somebody asked for, and who."""
    if options.classes is not None:
        return read_classes(Path(options.classes)), options.classes
    if isinstance(sidecar.classes, str) and model is not None:
        path = model.parent / sidecar.classes
        return read_classes(path), str(path)
    if isinstance(sidecar.classes, tuple):
        return sidecar.classes, "the sidecar"
    return None


def _check_positive(spec: InputSpec) -> None:
    if len(spec.mean) != 3 or len(spec.std) != 3 or min(spec.std) <= 0:
        raise ModelError(
            f"input: found mean {spec.mean} and std {spec.std}; expected three values, std above 0"
        )
    if min(spec.size) < 1:
        raise ModelError(f"input: found size {spec.size}; expected height and width above 0")
