"""Part: the results of many images in one folder, a Parquet table beside files of arrays.

PART/results.parquet has a row for each image: its number, name, prediction, numbers and what its
evidence is, without values; these are in PART/arrays-N.safetensors, with the image's own copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.explanation import Explanation
from interp.request import Request
from interp.result.bundle import circumstances, plain_facts, request_behind
from interp.run_folder.entry import FolderEntry, ImageOutcome
from interp.storage.folder import MANIFEST, new_folder, read_json, read_whole, seal, unseal

KIND = "part"
TABLE = "results.parquet"
ABOUT = b"interp"
"""Key of the table's metadata: what all its rows share, as JSON."""
FLUSH = 64 << 20
"""Bytes of arrays from which on a file of them is written: what a part holds in memory."""
OWN = ("predictions", "targets", "image_names", "seconds", "origins")
"""Fields of the provenance that are a row's own; the others are the table's."""


def parquet() -> ModuleType:
    """pyarrow.parquet. Raises InputError where pyarrow is not installed."""
    try:
        import pyarrow.parquet as module
    except ImportError as error:
        raise InputError(
            "results of many images are kept in Parquet, which needs pyarrow, which is not "
            "installed; pip install pyarrow, or choose --layout folders"
        ) from error
    return module


@dataclass(eq=False)
class PartWriter:
    """Writes a part into a folder; `pictures` keeps copies of the images."""

    folder: Path
    request: Request
    pictures: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    shared: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    files: int = 0

    def write(self, index: int, place: str, found: Explanation) -> None:
        """Add an image's explanation, which is to be found by the name `place`."""
        facts, arrays = plain_facts(found, self.request.full_maps)
        if self.pictures and found.images:
            arrays["image"] = _png(found.images[0])
        self.arrays |= {f"{index}/{name}": np.ascontiguousarray(e) for name, e in arrays.items()}
        entry, made = FolderEntry.of(place, found), facts.pop("provenance")
        own = {key: made.pop(key) for key in OWN}
        source = request_behind(found, self.request.of_image(entry.name)).images[0]
        self.shared = self.shared or made
        self.rows.append(
            {
                "index": index,
                **_columns(entry),
                "arrays": self.files,
                "facts": json.dumps(
                    {**facts, "source": source, "provenance": own}, ensure_ascii=False
                ),
            }
        )
        if sum(each.nbytes for each in self.arrays.values()) >= FLUSH:
            self._flush()

    def fail(self, outcome: ImageOutcome) -> None:
        """Add an image without a result."""
        told = {"unreadable": outcome.unreadable, "failed": outcome.failed}
        self.rows.append({"index": outcome.index, "name": outcome.name, **told})

    def finish(self) -> None:
        """Write what is left, and the table."""
        import pyarrow as arrow

        self._flush()
        columns = {name: [row.get(name) for row in self.rows] for name in _schema().names}
        about = {"request": self.request.model_dump(mode="json"), "provenance": self.shared}
        schema = _schema().with_metadata({ABOUT: json.dumps(about).encode()})
        table = arrow.table(columns, schema=schema)
        parquet().write_table(table, self.folder / TABLE, compression="zstd")

    def _flush(self) -> None:
        from safetensors.numpy import save_file

        if self.arrays:
            save_file(self.arrays, self.folder / f"arrays-{self.files}.safetensors")
            self.arrays, self.files = {}, self.files + 1


@contextmanager
def new_part(folder: Path, request: Request, pictures: bool) -> Iterator[PartWriter]:
    """The writer of a part that is at `folder` at the end of the block, whole or not at all."""
    with new_folder(folder) as place:
        writer = PartWriter(place, request, pictures)
        yield writer
        writer.finish()
        whole = sum("facts" in row for row in writer.rows)
        about = {"kind": KIND, "images": whole, "of": len(writer.rows)}
        seal(place, {**about, **circumstances()})


@dataclass(frozen=True, eq=False)
class Part:
    """A part that was written."""

    folder: Path

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        with read_whole(self.folder, "a part of a run's results"):
            found: dict[str, Any] = read_json(self.folder / MANIFEST)
            return found

    @property
    def count(self) -> int:
        """How many images have a result."""
        return int(self._manifest["images"])

    def circumstances(self) -> dict[str, Any]:
        """When, on what machine and with which versions it was made."""
        return {key: self._manifest[key] for key in circumstances()}

    def rows(self, columns: list[str] | None = None) -> list[dict[str, Any]]:
        """The table's columns for each of its images, in order."""
        with read_whole(self.folder, "a part of a run's results"):
            found: list[dict[str, Any]] = _table(self.folder, columns).to_pylist()
        return sorted(found, key=lambda row: row["index"])

    def entries(self) -> list[FolderEntry]:
        """The numbers of its images that have a result, in order."""
        return [_entry(row) for row in self.rows(_NUMBERS) if row["folder"] is not None]

    def told(self) -> list[ImageOutcome]:
        """Its images without a result, and why."""
        if self._manifest["of"] == self.count:
            return []
        columns = ["index", "name", "folder", "unreadable", "failed"]
        return [
            ImageOutcome(row["index"], row["name"] or "", (), row["unreadable"], row["failed"])
            for row in self.rows(columns)
            if row["folder"] is None
        ]

    def read(self, index: int) -> tuple[Request, dict[str, Any], dict[str, np.ndarray]]:
        """An image's request, and what plain_facts made of its explanation.

        A copy of the image is among the arrays as `image`, if one was kept. Raises InputError for
        a part that was altered, and for an image that has no result.
        """
        from safetensors import safe_open

        _check(self.folder)
        with read_whole(self.folder, "a part of a run's results"):
            table = _table(self.folder, None)
            rows = table.filter(_equal(table["index"], index)).to_pylist()
            if not rows or rows[0]["facts"] is None:
                raise InputError(f"{self.folder} holds no result of image {index}")
            about = json.loads(table.schema.metadata[ABOUT])
            facts = json.loads(rows[0]["facts"])
            facts["provenance"] = {**about["provenance"], **facts["provenance"]}
            request = Request.model_validate(about["request"])
            file = self.folder / f"arrays-{rows[0]['arrays']}.safetensors"
            with safe_open(file, "numpy") as opened:
                names = opened.keys()
                mine = [each for each in names if each.startswith(f"{index}/")]
                arrays = {each.partition("/")[2]: opened.get_tensor(each) for each in mine}
        return request.of_image(facts.get("source", rows[0]["name"])), facts, arrays


@lru_cache(16)
def _check(folder: Path) -> None:
    """Raise InputError where a part was altered since it was written; looked at once."""
    unseal(folder, KIND)


def _table(folder: Path, columns: list[str] | None) -> Any:
    return parquet().read_table(folder / TABLE, columns=columns, partitioning=None)


def _equal(column: Any, value: int) -> Any:
    import pyarrow.compute as compute

    return compute.equal(column, value)


def _columns(entry: FolderEntry) -> dict[str, Any]:
    """An entry as columns of a table."""
    prediction = entry.prediction
    return {
        "name": entry.name,
        "folder": entry.folder,
        "predicted": list(prediction.classes),
        "predicted_index": list(prediction.indices),
        "probability": list(prediction.probabilities),
        "unit": prediction.unit,
        "targets": list(entry.targets),
        "samples": entry.samples,
        "seconds": entry.seconds,
        "full": entry.full,
        "r2": [entry.r2.get(each) for each in entry.targets],
    }


def _entry(row: dict[str, Any]) -> FolderEntry:
    return FolderEntry(
        prediction={
            "classes": row["predicted"],
            "indices": row["predicted_index"],
            "probabilities": row["probability"],
            "unit": row["unit"],
        },
        r2=dict(zip(row["targets"], row["r2"], strict=True)),
        **{key: row[key] for key in ("name", "folder", "targets", "samples", "seconds", "full")},
    )


_NUMBERS = (
    "index name folder predicted predicted_index probability unit targets samples seconds full r2"
).split()


def _schema() -> Any:
    import pyarrow as arrow

    text, whole, real = arrow.string(), arrow.int64(), arrow.float64()
    return arrow.schema(
        [
            ("index", whole),
            ("name", text),
            ("folder", text),
            ("predicted", arrow.list_(text)),
            ("predicted_index", arrow.list_(whole)),
            ("probability", arrow.list_(real)),
            ("unit", text),
            ("targets", arrow.list_(text)),
            ("samples", whole),
            ("seconds", real),
            ("full", real),
            ("r2", arrow.list_(real)),
            ("unreadable", text),
            ("failed", text),
            ("arrays", arrow.int32()),
            ("facts", text),
        ]
    )


def _png(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 RGB as the bytes of a PNG file, (N,) uint8; fast."""
    import cv2

    how = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    found: np.ndarray = cv2.imencode(".png", image[..., ::-1], how)[1]
    return found
