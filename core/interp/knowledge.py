"""Knowledge: what a method learned of a model, checked to be used with that model only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from interp.engine.random import draw_states
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.short import fields_repr
from interp.storage.folder import new_folder, read_json, read_whole, seal, unseal, write_json

PROBE_TOLERANCE = 1e-3
"""How far an export's scores may lie from the original's, relative to their largest."""


@dataclass(frozen=True, eq=False, repr=False)
class Knowledge:
    """Arrays and plain facts that `method` learned of the model with this fingerprint.

    `probe` (K,) are the model's scores on a fixed noise image, by which an export is checked.
    `made` is the model itself where the method trained it: it is saved in the same folder, which
    then opens as a model too.
    """

    method: str
    fingerprint: str
    probe: np.ndarray
    arrays: dict[str, np.ndarray]
    about: dict[str, Any] = field(default_factory=dict)
    made: ModelAdapter | None = None

    def __repr__(self) -> str:
        return fields_repr(self)

    @classmethod
    def of(
        cls,
        method: str,
        model: ModelAdapter,
        arrays: dict[str, np.ndarray],
        about: dict[str, Any] | None = None,
        made: bool = False,
    ) -> Knowledge:
        """Knowledge that `method` learned of `model`, which it trained itself if `made`."""
        kept = model if made else None
        return cls(method, model.spec.fingerprint, probe(model), arrays, about or {}, kept)

    def check(self, method: str, model: ModelAdapter) -> None:
        """Raise InputError unless learned by this method, of this model or of its origin."""
        if self.method != method:
            raise InputError(
                f"this knowledge was learned by {self.method}, not by {method}; name another with "
                "--knowledge"
            )
        if model.spec.fingerprint == self.fingerprint:
            return
        if model.spec.origin != self.fingerprint:
            raise InputError(
                f"this knowledge was learned of another model ({self.fingerprint[:12]}), not of "
                f"{model.spec.name} ({model.spec.fingerprint[:12]}); fit again with this model"
            )
        apart = float(np.abs(probe(model) - self.probe).max() / np.abs(self.probe).max())
        if not apart <= PROBE_TOLERANCE:
            raise InputError(
                f"{model.spec.name} names the learned model as its origin, but its scores differ "
                f"by {apart:.2g} of their largest; export it again"
            )

    def by_layer(self) -> list[list[str]]:
        """What was learned at each layer as a table, its heads first; empty without layers.

        What no layer says is left out.
        """
        said = {
            layer: {key: word for key, value in facts.items() if (word := _word(value))}
            for layer, facts in self.about.get("layers", {}).items()
        }
        keys = list(dict.fromkeys(key for words in said.values() for key in words))
        rows = [[name, *(words.get(key, "–") for key in keys)] for name, words in said.items()]
        return [["layer", *(key.replace("_", " ") for key in keys)], *rows] if rows else []

    @contextmanager
    def as_saved(self) -> Iterator[None]:
        """Raise InputError where what is read of it within the block is not as fit saves it."""
        with read_whole(f"what {self.method} learned", "arrays and facts as interp fit saves them"):
            yield

    def save(self, folder: str | Path) -> None:
        """Write arrays.safetensors, knowledge.json and the model made, if any; all or nothing."""
        from safetensors.numpy import save_file

        with new_folder(Path(folder)) as place:
            if self.made is not None:
                self.made.write_model(place)
            save_file({**self.arrays, "probe": self.probe}, place / "arrays.safetensors")
            facts = {"method": self.method, "fingerprint": self.fingerprint, "about": self.about}
            write_json(place / "knowledge.json", facts)
            seal(place, {"kind": "knowledge", "method": self.method})

    @classmethod
    def open(cls, folder: str | Path) -> Knowledge:
        """Read a saved folder; InputError if it is something else or was altered."""
        from safetensors.numpy import load_file

        folder = Path(folder)
        unseal(folder, "knowledge")
        with read_whole(folder, "what a method learned"):
            arrays = load_file(folder / "arrays.safetensors")
            facts = read_json(folder / "knowledge.json")
            method, fingerprint, about = (facts[key] for key in ("method", "fingerprint", "about"))
            if not isinstance(about, dict):
                raise TypeError(f"about is a {type(about).__name__}")
            return cls(str(method), str(fingerprint), arrays.pop("probe"), arrays, about)


def _word(value: object) -> str:
    """A plain fact in a table; empty for none, and for facts that have parts of their own."""
    if value is None or isinstance(value, dict):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def find_knowledge(
    method: str, model: ModelAdapter, folders: Iterable[Path], given: Knowledge | None = None
) -> Knowledge | None:
    """The knowledge `given`, else the first in these folders of this model or its origin.

    InputError for knowledge of another method or model; None where there is none.
    """
    saved = (Knowledge.open(each) for each in folders if (each / "knowledge.json").is_file())
    prints = (model.spec.fingerprint, model.spec.origin)
    found = given or next((each for each in saved if each.fingerprint in prints), None)
    if found is not None:
        found.check(method, model)
    return found


def probe(model: ModelAdapter) -> np.ndarray:
    """Raw scores (K,) of a fixed noise image."""
    channels, (height, width) = model.spec.input.channels, model.spec.input.size
    noise = draw_states(0, "probe", 0, (channels, height * width)).astype(np.float32)
    scores = model.predict(model.to_device(noise.reshape(1, channels, height, width)))
    return scores[0].cpu().numpy().astype(np.float32)
