"""interp explains vision models: any method on any model, side by side.

    import interp

    found = interp.explain(model, "photo.jpg", method="mint", target="tiger cat")
    both = interp.compare(model, "photo.jpg", methods=["mint", "gradcam"])

`model` is a registered name, a file (`model.onnx`, `model.pt2`), `torchvision:resnet18`,
`timm:resnet18`, `hf:FOLDER-or-NAME`, or a live object such as an nn.Module. Results display
themselves in a notebook, are drawn by `found.plot()`, and saved by `out=DIR` or `found.save(DIR)`.

    interp.methods()        list the registered methods, each with a line on what it shows
    interp.explain(...)     explain an image, or a list of them, by one method
    interp.compare(...)     explain them by several methods, and show how far these agree
    interp.compare_models(...)  the same methods on several models, side by side
    interp.evaluate(...)    measure methods over a data set
    interp.fit(...)         let a method learn what it needs of a model first
    interp.survey(...)      explain a model's classes
    interp.suggest(...)     recommend methods for a model and an image, with the reasons
    interp.load(folder)     open what one of these saved
    interp.rerun(...)       repeat a saved result, and compare the two
    interp.open_model(...)  open a model once, for many calls

`help(interp.explain)` says what a call takes and gives. Errors are those of interp.errors; all are
InterpError. On the command line: `interp --help`.
"""

import os
from typing import TYPE_CHECKING, Any

from interp.version import api_version, own_version

if TYPE_CHECKING:
    from interp.api import (
        compare,
        compare_models,
        evaluate,
        explain,
        fit,
        load,
        methods,
        open_model,
        rerun,
        suggest,
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
    from interp.suggestion.suggest import Suggestion

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
    "Suggestion",
    "api_version",
    "compare",
    "compare_models",
    "evaluate",
    "explain",
    "fit",
    "load",
    "methods",
    "open_model",
    "rerun",
    "suggest",
    "survey",
]

__version__: str

# OpenMP reads this when torch is first imported. By default idle threads spin on the cores that
# another process needs, and a small network's pass can take ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Import a function or type when it is first used, so that `import interp` is fast."""
    if name == "__version__":
        return own_version()
    if name not in __all__:
        raise AttributeError(f"module 'interp' has no attribute {name!r}")
    from interp import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """The public names, for help() and completion."""
    return sorted({*__all__, "__version__", *(name for name in globals() if name.startswith("__"))})
