"""A saved result as a run of TensorBoard: pictures, metrics as scalars, the request as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from interp.comparison.result import Comparison
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.log_setting import log_places
from interp.report.summary import summary_of
from interp.storage.image import open_image

FOLDER = "runs"
"""Where runs are written if INTERP_LOG names no folder; TensorBoard's own examples use it."""


def log_result(folder: Path, result: Explanation | Comparison | Evaluation | Knowledge) -> None:
    """Write a run called as the folder is, into the folder that INTERP_LOG names."""
    from torch.utils.tensorboard import SummaryWriter

    found = summary_of(folder, result)
    place = next(_new(Path(log_places().get("tensorboard") or FOLDER), folder.absolute().name))
    with SummaryWriter(str(place)) as writer:
        for name, value in found.metrics.items():
            writer.add_scalar(name, value, 0)
        for each in found.pictures:
            name = each.relative_to(folder).with_suffix("").as_posix()
            writer.add_image(name, open_image(each), 0, dataformats="HWC")
        params = json.dumps(found.params, indent=2, default=str, ensure_ascii=False)
        writer.add_text("parameters", _code(params), 0)
        if found.request:
            writer.add_text("request", _code(found.request), 0)


def _new(home: Path, name: str) -> Iterator[Path]:
    """Folders that are not there yet, called so or with a number."""
    yield from (
        place
        for place in (home / (f"{name}-{number}" if number else name) for number in range(100_000))
        if not place.exists()
    )


def _code(text: str) -> str:
    """Text as TensorBoard's Markdown shows it, unchanged."""
    return "\n".join(f"    {line}" for line in text.splitlines())
