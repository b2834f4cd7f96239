"""Training curves: the log of a training as evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.evidence import Curve
from interp.training.checkpoint import Row


def training_curves(log: Sequence[Row], y_label: str, names: Sequence[str] = ()) -> list[Curve]:
    """One curve over epochs of the named numbers that every row has; none for an empty log.

    Without names: of all numbers but the loss.
    """
    if not log:
        return []
    names = names or [name for name in log[0] if name not in ("epoch", "loss")]
    series = [name for name in names if all(name in row for row in log)]
    return [
        Curve(
            name="training",
            x=np.array([row["epoch"] for row in log], float),
            values=np.array([[row[name] for row in log] for name in series], float),
            series=series,
            x_label="epoch",
            y_label=y_label,
        )
    ]
