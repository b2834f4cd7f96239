"""A saved result as a run of MLflow: parameters, metrics, pictures and the folder."""

from __future__ import annotations

import re
from pathlib import Path

from interp.comparison.result import Comparison
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.report.summary import summary_of

LONGEST, MOST = 250, 100
"""Letters of a name or parameter, which every store takes, and entries of one call."""


def log_result(folder: Path, result: Explanation | Comparison | Evaluation | Knowledge) -> None:
    """Log to the tracking store that MLflow is set to; within the program's run, if one is active.

    The store and the experiment are MLflow's own: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, or
    what the program set.
    """
    import mlflow

    found = summary_of(folder, result)
    params = [(_name(key), str(value)[:LONGEST]) for key, value in found.params.items()]
    metrics = [(_name(key), value) for key, value in found.metrics.items()]
    nested = mlflow.active_run() is not None
    with mlflow.start_run(run_name=folder.name, nested=nested):
        mlflow.set_tags({"interp.kind": found.kind, "interp.folder": str(folder.absolute())})
        for at in range(0, len(params), MOST):
            mlflow.log_params(dict(params[at : at + MOST]))
        for at in range(0, len(metrics), MOST):
            mlflow.log_metrics(dict(metrics[at : at + MOST]))
        for each in found.pictures:
            inside = each.relative_to(folder).parent
            mlflow.log_artifact(str(each), (Path("pictures") / inside).as_posix())
        mlflow.log_artifacts(str(folder), "result")


def _name(text: str) -> str:
    """A name of letters that MLflow takes."""
    return re.sub(r"[^\w\-. :/]", "_", text).strip("/ ")[:LONGEST]
