"""Writes every saved result for TensorBoard, where INTERP_LOG asks for `tensorboard:FOLDER`."""

from __future__ import annotations

from pathlib import Path

from interp.comparison.result import Comparison
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.hookspecs import hookimpl
from interp.knowledge import Knowledge


@hookimpl
def interp_after_save(
    folder: Path, result: Explanation | Comparison | Evaluation | Knowledge
) -> None:
    """Write the result as a run of TensorBoard."""
    from interp_tensorboard.writer import log_result

    log_result(folder, result)
