"""interp explains vision models: any method on any model, side by side.

    import interp

    found = interp.explain(model, "photo.jpg", method="mint", target="tiger cat")
    both = interp.compare(model, "photo.jpg", methods=["mint", "gradcam"])

`model` is a registered name, a file (`model.onnx`, `model.pt2`), `torchvision:resnet18`, or a live
object such as an nn.Module. In a notebook the results show themselves; with `out=DIR` they are
saved. What there is:

    interp.methods()        the registered methods, each in a line
    interp.explain(...)     one image, or a list of them, by one method
    interp.compare(...)     the same by several methods, and how far they agree
    interp.evaluate(...)    methods measured over a data set
    interp.fit(...)         let a method learn what it needs of a model first
    interp.survey(...)      what a method says of a model's classes
    interp.rerun(...)       repeat a saved result and compare
    interp.open_model(...)  open a model once, for many calls

Errors are those of interp.errors; all are InterpError. On the command line: `interp --help`.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp.api import (
        compare,
        evaluate,
        explain,
        fit,
        methods,
        open_model,
        rerun,
        survey,
    )
    from interp.comparison.result import Comparison
    from interp.context import Budget
    from interp.difference.rerun import Rerun
    from interp.evaluation.result import Evaluation
    from interp.explanation import Explanation
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.session import Session
    from interp.spec import ModelOptions

__all__ = [
    "Budget",
    "Comparison",
    "Evaluation",
    "Explanation",
    "Knowledge",
    "ModelAdapter",
    "ModelOptions",
    "Rerun",
    "Session",
    "api_version",
    "compare",
    "evaluate",
    "explain",
    "fit",
    "methods",
    "open_model",
    "rerun",
    "survey",
]

api_version = 1
"""What docs/extending.md promises to plugins; it grows when a promise changes."""

_HOMES = {
    "Budget": "context",
    "Comparison": "comparison.result",
    "Evaluation": "evaluation.result",
    "Explanation": "explanation",
    "Knowledge": "knowledge",
    "ModelAdapter": "model",
    "ModelOptions": "spec",
    "Rerun": "difference.rerun",
    "Session": "session",
}
"""Where the types live; the functions live in interp.api."""

# Read once, when torch is first imported. By default idle OpenMP threads spin on the cores that
# another session or process needs: a small network's pass can take ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Load a function or type when it is asked for: `import interp` alone imports nothing else."""
    if name not in __all__:
        raise AttributeError(f"module 'interp' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"interp.{_HOMES.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    """The public names, for help() and completion."""
    return sorted({*globals(), *__all__})
