"""The bundle: one folder per run with request, evidence and pictures; no pickle."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from interp.errors import InputError, about
from interp.evidence import KINDS, Evidence, evidence_of
from interp.explanation import Explanation, Provenance, read_finding_key
from interp.lazy_type import Figure
from interp.method import Style
from interp.network.placement import InputMap, Placement
from interp.registry import Registry
from interp.registry.hook import call_after
from interp.registry.origin import other_versions
from interp.request import Request
from interp.result.draw import Styles, draw, draw_evidence, image_of
from interp.result.plot import plot_evidence
from interp.result.stored_image import read_images, whole_images, write_images, write_png
from interp.storage.folder import new_folder, read_json, read_whole, seal, unseal, write_json
from interp.version import installed_version

PACKAGES = (
    "interp torch torchvision onnxruntime-gpu numpy opencv-python scikit-image captum".split()
)
"""Packages whose versions a manifest records."""
PROVENANCE = TypeAdapter(Provenance | None)
PLACEMENT = TypeAdapter(Placement)
SMALLER = 2
"""How many times less a map over the input must take than that over the image, to be kept."""


@dataclass(frozen=True, eq=False)
class Made:
    """The request behind an explanation, and the registry whose renderers draw its evidence.

    Without a registry, as in another process, it is that of the installed packages.
    """

    request: Request
    registry: Registry | None = None

    @cached_property
    def known(self) -> Registry:
        """The registry."""
        return self.registry or Registry.load()

    def save(self, found: Explanation, folder: Path) -> Path:
        """Write the explanation as a bundle with its pictures. Raises InputError as save_bundle.

        Packages are told that it is saved; Python warns of those that fail at that.
        """
        save_bundle(folder, self.request, found, draw(self.known, found, Style()))
        for note in call_after(self.known, "interp_after_save", folder=folder, result=found):
            warnings.warn(note, stacklevel=3)
        return folder

    def picture(self, found: Explanation, evidence: Evidence, style: Style) -> np.ndarray:
        """A piece of the explanation's evidence as its renderer draws it, (h, w, 3) uint8 RGB."""
        return draw_evidence(self.known, evidence, image_of(found, evidence), style)

    def plot(self, found: Explanation) -> Figure:
        """A figure of all evidence."""
        styles = Styles(found, Style())
        return plot_evidence(found, lambda each: self.picture(found, each, styles.of(each)))

    def __reduce__(self) -> tuple[Any, ...]:
        """A registry stays in its process: it holds objects of packages."""
        return Made, (self.request,)


def request_behind(found: Explanation, otherwise: Request) -> Request:
    """What an explanation was really asked, as with fewer samples or its image's file."""
    return found.source.request if isinstance(found.source, Made) else otherwise


def save_bundle(
    folder: str | Path,
    request: Request,
    explanation: Explanation,
    pictures: dict[str, np.ndarray],
    circumstance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a bundle at `folder`, all or nothing; the manifest, with checksums, comes last.

    `pictures` are (h, w, 3) uint8 RGB by file name; `circumstance` is when and by what it was made,
    by default now and here. Raises InputError where `folder` is not empty.
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    with new_folder(folder) as place:
        write_json(place / "request.json", request.model_dump(mode="json"))
        facts, arrays = plain_facts(explanation, request.full_maps)
        save_file(arrays, place / "arrays.safetensors")
        facts["smaller_images"] = write_images(place, explanation.images, request)
        write_json(place / "explanation.json", facts)
        for name, picture in pictures.items():
            write_png(place / name, picture)
        made = explanation.provenance
        about = {
            "method": made and made.method,
            "seed": made and made.seed,
            "device": made and made.model.device,
            "seconds": made and made.seconds,
        }
        seal(place, {"kind": "explanation", **about, **(circumstance or circumstances())})
    return folder


def open_bundle(
    folder: str | Path, registry: Registry | None = None
) -> tuple[Request, Explanation]:
    """A bundle's request and explanation. Raises InputError if it is none or was altered.

    Packages that define its evidence are imported, as `registry`, by default that of what is
    installed, names them.
    """
    from safetensors.numpy import load_file

    folder = Path(folder)
    unseal(folder, "explanation")
    with read_whole(folder, "a bundle"):
        request = Request.model_validate(read_json(folder / "request.json"))
        facts = read_json(folder / "explanation.json")
        return request, explanation_of(
            folder,
            facts,
            load_file(folder / "arrays.safetensors"),
            list(read_images(folder, facts.get("smaller_images", {}))),
            Made(request, registry),
        )


def plain_facts(
    explanation: Explanation, full: bool
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """An explanation without its images: as JSON, and arrays by the names that it has for them.

    Maps that were made of smaller ones are kept as these, unless `full`.
    """
    arrays: dict[str, np.ndarray] = {}
    listed = [_plain(at, each, arrays, full) for at, each in enumerate(explanation.evidence)]
    return {
        "evidence": listed,
        "samples": explanation.samples,
        "scores": explanation.scores,
        "notes": explanation.notes,
        "main": explanation.main,
        "provenance": PROVENANCE.dump_python(explanation.provenance, mode="json"),
    }, arrays


def explanation_of(
    place: Path,
    facts: dict[str, Any],
    arrays: Mapping[str, np.ndarray],
    images: Sequence[np.ndarray],
    made: Made,
) -> Explanation:
    """The explanation that plain_facts took apart. Raises InputError, which names the place."""
    provenance = PROVENANCE.validate_python(facts["provenance"])
    _know({each["kind"] for each in facts["evidence"]}, made.registry, place, provenance)
    explanation = Explanation(
        evidence=tuple(
            evidence_of(each["kind"], each["fields"] | _arrays(each, arrays))
            for each in facts["evidence"]
        ),
        samples=facts["samples"],
        scores=facts["scores"],
        notes=tuple(facts["notes"]),
        main=facts.get("main"),
        images=tuple(images),
        provenance=provenance,
        source=made,
    )
    with about(place):
        _check(explanation)
    return _numbered(explanation)


def explained_images(
    folder: str | Path, explanation: Explanation, files: Sequence[str] = ()
) -> list[np.ndarray]:
    """The images of the explanation that a bundle holds, those kept smaller from their files.

    `files` are where these are now. Raises InputError as whole_images.
    """
    facts = read_json(Path(folder) / "explanation.json")
    return list(whole_images(explanation.images, facts.get("smaller_images", {}), files))


def _know(
    kinds: set[str], registry: Registry | None, folder: Path, made: Provenance | None
) -> None:
    """Import what defines these kinds of evidence. InputError says which package is missing."""
    unknown = sorted(kinds - KINDS.keys())
    if unknown:
        named = registry or Registry.load()
        for kind in unknown:
            named.know_evidence(kind)
        if made is not None and not kinds <= KINDS.keys():
            other_versions(folder, made.origins, named)


def _check(explanation: Explanation) -> None:
    """Raise InputError for evidence that cannot be drawn, or whose image is not there."""
    for each in explanation.evidence:
        each.check()
        if each.image is not None and not 0 <= each.image < len(explanation.images):
            raise InputError(
                f"found evidence on image {each.image}, expected one of the "
                f"{len(explanation.images)} in the folder; make it again"
            )


def _numbered(explanation: Explanation) -> Explanation:
    """The same with every key naming the image's number in the bundle.

    Version 0.1.0 numbered the images of a target among themselves where images had different
    targets. That shows where a key names an image that the target has no evidence on.
    """
    made = explanation.provenance
    for target in () if made is None else made.targets:
        evidence = [each for each in explanation.evidence if each.target == target]
        images = sorted({each.image for each in evidence if each.image is not None})
        numbers = {read_finding_key(key, [target])[1] for key in explanation.scores}
        if not numbers <= {None, *images}:
            explanation = explanation.renumbered(dict(enumerate(images)), [target])
    return explanation


def _plain(
    index: int, evidence: Evidence, arrays: dict[str, np.ndarray], full: bool
) -> dict[str, Any]:
    """A piece of evidence as JSON; its arrays go into `arrays` under names of their own.

    Of a map that was made of a smaller one over the network's input, that one is kept with its
    placement, unless `full`.
    """
    names = {name: f"{index}.{name}" for name in evidence.arrays()}
    placed = {}
    for name, value in evidence.arrays().items():
        source = None if full else InputMap.behind(value)
        if source is not None and SMALLER * source.values.nbytes <= value.nbytes:
            place = PLACEMENT.dump_python(source.placement, mode="json")
            placed[name] = {"placement": place, "fill": source.fill}
            value = source.values
        arrays[names[name]] = np.ascontiguousarray(value)
    found = {"kind": evidence.kind, "fields": evidence.plain(), "arrays": names}
    return {**found, "placed": placed} if placed else found


def _arrays(saved: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a piece of evidence, by field; those that are placed lie over the image."""
    found = {name: arrays[key] for name, key in saved["arrays"].items()}
    for name, how in saved.get("placed", {}).items():
        place = PLACEMENT.validate_python(how["placement"])
        found[name] = place.to_image(found[name], how["fill"])
    return found


def circumstances() -> dict[str, Any]:
    """When, on what machine and with which versions a result is made."""
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {each: version for each in PACKAGES if (version := installed_version(each))},
    }
