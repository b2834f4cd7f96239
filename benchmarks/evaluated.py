"""An evaluation as benchmarks run it: kept image by image, so that a stopped one goes on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from interp.dataset import Dataset
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest

FACTS = ("data", "size", "metrics", "refused", "notes", "table")


def evaluated(request: EvaluationRequest, dataset: Dataset, keep: Path) -> dict[str, Any]:
    """What was found, without the single images, after the seconds that it took."""
    begun = time.perf_counter()
    found = evaluate(
        request,
        dataset=dataset,
        out=keep,
        on_message=lambda line: print(line, file=sys.stderr),
    )
    facts = found.plain()
    return {
        "seconds": round(time.perf_counter() - begun),
        **{key: facts[key] for key in FACTS},
    }
