"""Real work on small models, whose requests and results hooks are tried with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.dataset import ImageArrays
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.testing.conformance import MethodCase

METHOD = "rise"


class Work:
    """Requests and results of every kind, made without any hook, in a folder of their own."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry = Registry(tuple(replace(each, hooks=()) for each in registry.manifests))
        self.folder = folder
        self.case = MethodCase(METHOD, self.registry, samples=100)

    def arguments(self, hook: str) -> dict[str, Any] | None:
        """What a hook is called with; None for one that is not called around work."""
        known: dict[str, Callable[[], dict[str, Any]]] = {
            "interp_before_run": lambda: {"request": self.case.request()},
            "interp_after_run": lambda: {"explanation": self.case.explain()},
            "interp_before_compare": lambda: {"request": self._comparison},
            "interp_after_compare": lambda: {"comparison": self._compared()},
            "interp_before_evaluate": lambda: {"request": self._evaluation},
            "interp_after_evaluate": lambda: {"evaluation": self._evaluated()},
            "interp_before_fit": lambda: {
                "request": self.case.request(images=(), data="creatures")
            },
            "interp_after_fit": lambda: {"knowledge": self._learned()},
            "interp_after_save": self._saved,
        }
        return known[hook]() if hook in known else None

    @property
    def _session(self) -> Session:
        return Session(self.registry, self.case.model, temporary=True)

    @property
    def _comparison(self) -> ComparisonRequest:
        limit = Budget(samples=50)
        return ComparisonRequest(methods=(Choice(name=METHOD),), targets=("0",), budget=limit)

    @property
    def _evaluation(self) -> EvaluationRequest:
        chosen = {"methods": (Choice(name="centre"),), "metrics": (Choice(name="deletion"),)}
        return EvaluationRequest(**chosen, baselines=(), limit=2, target="predicted")

    def _compared(self) -> Any:
        return compare(self._comparison, self._session, images=[self.case.picture()])

    def _evaluated(self) -> Any:
        data = ImageArrays([self.case.picture()] * 2, ["one", "two"])
        return evaluate(self._evaluation, self._session, dataset=data)

    def _learned(self) -> Knowledge:
        return Knowledge.of(METHOD, self.case.model, {"seen": np.ones(3, np.float32)})

    def _saved(self) -> dict[str, Any]:
        found = self.case.explain()
        return {"folder": found.save(self.folder / "saved"), "result": found}


def arrays(value: Any) -> dict[str, np.ndarray]:
    """Copies of the arrays in a result, by name."""
    if isinstance(value, Explanation):
        listed = (dict(each.arrays()) for each in value.evidence)
        return {
            f"{at} {key}": each.copy() for at, own in enumerate(listed) for key, each in own.items()
        }
    if isinstance(value, Knowledge):
        return {key: each.copy() for key, each in value.arrays.items()}
    cells = [cell.explanation for case in getattr(value, "cases", ()) for cell in case.cells]
    return {
        f"cell {at} {key}": each
        for at, found in enumerate(cells)
        for key, each in arrays(found).items()
    }
