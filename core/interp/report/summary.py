"""A saved result in the terms of loggers: parameters, numbers, pictures, the request as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.comparison.result import Comparison
from interp.evaluation.result import Evaluation
from interp.explanation import Explanation
from interp.knowledge import Knowledge

PICTURES = 100
"""Pictures that are listed, in the order of their names; a folder of many images has more."""


@dataclass(frozen=True)
class Summary:
    """What is in a folder that interp wrote, for MLflow, TensorBoard and the like."""

    kind: str
    """explanation, comparison, evaluation or knowledge."""
    folder: Path
    params: dict[str, Any]
    metrics: dict[str, float]
    """Finite numbers, each by its place, as in `deletion/mint`."""
    pictures: tuple[Path, ...]
    request: str
    """What was asked, as JSON."""


def summary_of(folder: Path, result: Explanation | Comparison | Evaluation | Knowledge) -> Summary:
    """The summary of a saved result."""
    kind, params, values = _facts(result)
    request = folder / "request.json"
    if isinstance(result, Evaluation):
        text = result.request.model_dump_json(indent=2)
    else:
        text = request.read_text("utf-8") if request.is_file() else ""
    metrics = {name: each for name, each in numbers(values) if math.isfinite(each)}
    pictures = sorted(folder.rglob("*.png"))[:PICTURES]
    return Summary(kind, folder, params, metrics, tuple(pictures), text)


def numbers(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in nested mappings, each with its place: `cat/r2`; truth values are none."""
    for key, each in values.items():
        name = f"{place}/{key}" if place else str(key)
        if isinstance(each, Mapping):
            yield from numbers(each, name)
        elif isinstance(each, int | float) and not isinstance(each, bool):
            yield name, float(each)


def _facts(
    result: Explanation | Comparison | Evaluation | Knowledge,
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Kind, parameters and values of a result."""
    if isinstance(result, Explanation):
        return "explanation", *_of_explanation(result)
    if isinstance(result, Comparison):
        return "comparison", *_of_comparison(result)
    if isinstance(result, Evaluation):
        return "evaluation", *_of_evaluation(result)
    told = {key: each for key, each in result.about.items() if isinstance(each, str)}
    return "knowledge", {"method": result.method, **told}, dict(result.about)


def _of_explanation(found: Explanation) -> tuple[dict[str, Any], dict[str, Any]]:
    made, values = found.provenance, {"samples": found.samples, **found.scores}
    if made is None:
        return {}, values
    about = {
        "method": made.method,
        "model": made.model.name,
        "images": ", ".join(made.image_names),
        "targets": ", ".join(made.targets),
        "seed": made.seed,
    }
    return {**about, **made.params}, {"seconds": made.seconds, **values}


def _of_comparison(found: Comparison) -> tuple[dict[str, Any], dict[str, Any]]:
    params = {
        "methods": ", ".join(found.methods),
        "model": found.model.name,
        "images": len(found.records),
        "seed": found.request.seed,
    }
    params |= {
        f"{each.name}.{key}": value
        for each in found.request.methods
        for key, value in each.params.items()
    }
    names = found.methods
    outcomes = {
        name: [each.outcomes[at] for each in found.records] for at, name in enumerate(names)
    }
    return params, {
        "seconds": {name: sum(each.seconds for each in own) for name, own in outcomes.items()},
        "samples": {name: sum(each.samples for each in own) for name, own in outcomes.items()},
        "agreement": {
            f"{one}/{names[other]}": float(found.agreement[at, other])
            for at, one in enumerate(names)
            for other in range(at + 1, len(names))
        },
    }


def _of_evaluation(found: Evaluation) -> tuple[dict[str, Any], dict[str, Any]]:
    params = {
        "methods": ", ".join(found.methods),
        "metrics": ", ".join(found.metrics),
        "model": found.model.name,
        "data": found.request.data,
        "images": len(found.records),
        "seed": found.request.seed,
    }
    return params, {
        metric: {method: cell.mean.value for method, cell in cells.items()}
        for metric, cells in found.table.items()
    }
