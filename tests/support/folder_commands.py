"""The commands on folders of images, and what each makes of them, without its times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice, Request
from interp.run import fit
from interp.run_folder import run_folder
from interp.session import Session

BUDGET = Budget(samples=30)
TIMES = {"seconds", "written", "explaining", "measuring", "pid"}
"""Keys of what differs from one run to the next."""


def without_times(value: Any) -> Any:
    """JSON without what differs from one run to the next."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in TIMES}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """Every array of every bundle below a folder, by its place there."""
    return {
        f"{file.parent.relative_to(folder)}/{name}": each
        for file in sorted(folder.rglob("arrays.safetensors"))
        for name, each in load_file(file).items()
    }


def run_photos(photos: Path, out: Path, session: Session) -> Any:
    request = Request(method="rise", data=str(photos), budget=BUDGET)
    found = run_folder(request, out, session)
    return without_times(found.facts()), arrays(out)


def evaluate_photos(photos: Path, out: Path, session: Session) -> Any:
    request = EvaluationRequest(
        methods=(Choice(name="gradcam"), Choice(name="rise")),
        metrics=(Choice(name="deletion", params={"steps": 3}),),
        data=str(photos),
        target="predicted",
        budget=BUDGET,
    )
    return without_times(evaluate(request, session, out=out).plain()), {}


def compare_photos(photos: Path, out: Path, session: Session) -> Any:
    request = ComparisonRequest(
        methods=(Choice(name="gradcam"), Choice(name="rise")), data=str(photos), budget=BUDGET
    )
    return without_times(compare(request, session, out=out).facts()), arrays(out)


def fit_photos(photos: Path, out: Path, session: Session) -> Any:
    """CHIP at two layers, with rounds that are doubled."""
    request = Request(
        method="chip",
        data=str(photos),
        params={"layer": ["stage2", "stage3"], "correct": False, "masks": 400},
        budget=Budget(until="stable"),
    )
    found = fit(request, session, out=out)
    return without_times(found.about), dict(found.arrays)


COMMANDS: dict[str, Callable[[Path, Path, Session], Any]] = {
    "run": run_photos,
    "evaluate": evaluate_photos,
    "compare": compare_photos,
    "fit": fit_photos,
}


def differences(found: Any, expected: Any, place: str = "") -> Iterator[str]:
    """Where two facts differ, and how."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in {**expected, **found}:
            yield from differences(found.get(key), expected.get(key), f"{place}/{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for at, pair in enumerate(zip(found, expected, strict=True)):
            yield from differences(*pair, f"{place}/{at}")
    elif found != expected:
        yield f"{place}: {found} != {expected}"


def assert_equal(found: Any, expected: Any) -> None:
    """The same facts, and the same arrays bit by bit."""
    told = list(differences(found[0], expected[0]))
    assert not told, told
    assert not (apart := found[1].keys() ^ expected[1].keys()), apart
    for name, each in expected[1].items():
        np.testing.assert_array_equal(found[1][name], each, err_msg=name)
