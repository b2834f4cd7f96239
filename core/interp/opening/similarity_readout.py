"""The readout `similarity`: how alike an embedding is to those of reference images or texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from interp.errors import InputError, ModelError, RegistryError, about, users_code
from interp.opening.python_object import named_object
from interp.params import CODE, LOCAL, Params
from interp.readout import OutputDescription, RawOutput, Readout
from interp.storage.folder import absolute_file
from interp.storage.image import read_image
from interp.storage.numpy_file import open_array
from interp.storage.text_file import read_text

if TYPE_CHECKING:
    from torch import Tensor

SIMILARITY = "similarity"
"""Unit of the scores: a cosine, from -1 to 1."""
LINES = ".txt"
VECTORS = ".npy"


class SimilarityParams(Params):
    """Parameters of the readout `similarity`."""

    reference: tuple[str, ...] = Field(
        (),
        json_schema_extra=LOCAL,
        description="what images are compared with: image files or names of samples, and .npy "
        "files of vectors (D,) or (P, D); the targets are called as the files",
    )
    prompts: tuple[str, ...] = Field(
        (),
        json_schema_extra=LOCAL,
        description="texts that images are compared with, or a .txt file with one a line",
    )
    tower: str | None = Field(
        None,
        json_schema_extra=CODE,
        description="module:function that maps a list of P texts to vectors (P, D); trusted code",
    )


@dataclass(frozen=True, eq=False)
class Reference:
    """A vector (D,) that images are compared with, and what its target is called."""

    name: str
    vector: np.ndarray
    notes: tuple[str, ...] = ()
    """What was assumed in reading its image."""


class SimilarityReadout(Readout):
    """Embeddings (N, D): each score is the cosine of the angle to a reference's vector.

    References are images, which the model embeds itself, vectors in a file, and texts that a
    `tower` embeds. Texts and vectors must come from where the model's embeddings lie, as those of
    the other tower of one model do.
    """

    Params: ClassVar[type[Params]] = SimilarityParams
    reads_scores: ClassVar[bool] = True

    def read(self, output: RawOutput) -> OutputDescription:
        width = output.scores().shape[1]
        found = [
            *(each for name in self.params.reference for each in _references(output, name, width)),
            *_texts(self.params, width),
        ]
        if not found:
            raise InputError(
                f"readout similarity has nothing to compare {output.model} with; name an image "
                "with --readout-param reference=FILE, or texts with prompts=... and tower=..."
            )
        units = [_unit(each) for each in found]
        names, notes = _names(found, output)
        notes += [f"reference {each.name}: {note}" for each in found for note in each.notes]
        return OutputDescription(
            "none",
            names,
            False,
            notes,
            Cosine(np.stack(units)),
            SIMILARITY,
            params=self._fixed(),
            scale=1.0,
        )

    def _fixed(self) -> dict[str, Any]:
        """The references by their absolute paths, so that the model opens from another folder."""
        paths = [absolute_file(each) for each in self.params.reference]
        return {"reference": tuple(paths)} if paths else {}


@dataclass(frozen=True, eq=False)
class Cosine:
    """Cosines (N, K) of embeddings (N, D) to unit vectors (K, D); 0 for an embedding of 0."""

    vectors: np.ndarray

    def __call__(self, output: Tensor) -> Tensor:
        from torch.nn.functional import normalize

        flat = output.flatten(1)
        return normalize(flat, dim=1) @ flat.new_tensor(self.vectors).mT


def _references(output: RawOutput, name: str, width: int) -> list[Reference]:
    """The reference image of this name, or the vectors in its file.

    A .npy file with one or two axes, the last as long as an embedding, holds vectors.
    """
    path = _file(output, name)
    if path.suffix.lower() == VECTORS and path.is_file():
        vectors = _read_vectors(path, width)
        if vectors is not None:
            return _numbered(path.stem, vectors)
    image = read_image(path)
    answer = output.answer(image.pixels).value
    if answer.numel() != width:
        raise InputError(
            f"{path}: embedded as {answer.numel()} numbers; expected {width}, as other images are"
        )
    return [Reference(Path(name).stem, answer.flatten().float().cpu().numpy(), image.notes)]


def _file(output: RawOutput, name: str) -> Path:
    """The file of this name, else that of the registered sample."""
    if Path(name).exists() or output.lookup is None:
        return Path(name)
    try:
        return Path(output.lookup("sample", name))
    except RegistryError:
        return Path(name)


def _read_vectors(path: Path, width: int) -> np.ndarray | None:
    """Vectors (P, D) in a file; None where it holds no list of vectors of this width."""
    with about(path):
        values = open_array(path)
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: found values of type {values.dtype}; expected numbers")
    fits = values.ndim in (1, 2) and values.shape[-1] == width and len(values)
    if not fits and values.dtype.kind == "f" and values.ndim < 3:
        raise InputError(
            f"{path}: found vectors of {values.shape}; expected ({width},) or (P, {width}), as the "
            "model's embeddings are"
        )
    return values.reshape(-1, width).astype(np.float32) if fits else None


def _numbered(stem: str, vectors: np.ndarray) -> list[Reference]:
    if len(vectors) == 1:
        return [Reference(stem, vectors[0])]
    return [Reference(f"{stem} {number}", each) for number, each in enumerate(vectors)]


def _texts(params: SimilarityParams, width: int) -> list[Reference]:
    """The prompts with the vectors that the tower gives them. Raises InputError without a tower."""
    prompts = [line for each in params.prompts for line in _lines(each)]
    if bool(prompts) != bool(params.tower):
        given, lacking = ("prompts", "tower") if prompts else ("tower", "prompts")
        raise InputError(
            f"readout similarity was given {given} without {lacking}; it needs both, or neither"
        )
    if params.tower is None:
        return []
    vectors = _embed(prompts, params.tower)
    if vectors.shape != (len(prompts), width):
        raise ModelError(
            f"tower {params.tower} answers {vectors.shape} to {len(prompts)} texts; expected "
            f"({len(prompts)}, {width}), as long as the model's embeddings"
        )
    return [Reference(text, each) for text, each in zip(prompts, vectors, strict=True)]


def _lines(prompt: str) -> list[str]:
    if not prompt.endswith(LINES):
        return [prompt]
    return [line.strip() for line in read_text(Path(prompt)).splitlines() if line.strip()]


def _embed(prompts: list[str], tower: str) -> np.ndarray:
    function = named_object(tower, f"tower {tower}")
    with users_code(f"tower {tower} fails on {len(prompts)} texts"):
        found = function(prompts)
        found = found.detach().cpu() if hasattr(found, "detach") else found
        return np.asarray(found, np.float32)


def _unit(reference: Reference) -> np.ndarray:
    """The reference's vector at length 1. Raises InputError for one without a direction."""
    length = float(np.linalg.norm(reference.vector))
    if not np.isfinite(length) or length == 0:
        raise InputError(
            f"reference {reference.name!r} has an embedding of length {length}, to which nothing "
            "can be compared; choose another one"
        )
    return np.asarray(reference.vector / length, np.float32)


def _names(found: list[Reference], output: RawOutput) -> tuple[tuple[str, ...], list[str]]:
    """The references' own names, or those that the user or an export gives."""
    names = [each.name for each in found]
    exported = output.known.readout == "similarity" and output.known.classes is not None
    if output.options.classes is not None or output.card.classes is not None or exported:
        return output.names(len(names), word=SIMILARITY)
    counts = Counter(names)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(
            f"found several references called {', '.join(twice)}; rename the files, or name the "
            "targets with --classes"
        )
    return tuple(names), []
