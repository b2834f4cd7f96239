"""Hooks that a plugin package may implement; pluggy calls them.

Those that come before work may refuse it with an InputError. Whatever else a hook raises becomes a
note on the result, which names package and hook, and the work goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ForwardRef

import pluggy

if TYPE_CHECKING:
    import typer

    from interp.comparison.result import Comparison, ComparisonRequest
    from interp.evaluation.request import EvaluationRequest
    from interp.evaluation.result import Evaluation
    from interp.explanation import Explanation
    from interp.knowledge import Knowledge
    from interp.registry.loading import Registrar
    from interp.request import Request
else:  # typing.get_type_hints finds them, while importing this module stays light

    def _later(module: str, name: str) -> ForwardRef:
        return ForwardRef(f"__import__('importlib').import_module({module!r}).{name}")

    Comparison = _later("interp.comparison.result", "Comparison")
    ComparisonRequest = _later("interp.comparison.result", "ComparisonRequest")
    EvaluationRequest = _later("interp.evaluation.request", "EvaluationRequest")
    Evaluation = _later("interp.evaluation.result", "Evaluation")
    Explanation = _later("interp.explanation", "Explanation")
    Knowledge = _later("interp.knowledge", "Knowledge")
    Registrar = _later("interp.registry.loading", "Registrar")
    Request = _later("interp.request", "Request")

    class typer:  # noqa: N801 - as it is called
        """What the hooks name of it."""

        Typer = _later("typer", "Typer")


hookspec = pluggy.HookspecMarker("interp")
hookimpl = pluggy.HookimplMarker("interp")


@hookspec
def interp_register(registrar: Registrar) -> None:
    """Register the objects of entries without `object`: `registrar.add(kind, name, object)`."""


@hookspec
def interp_before_run(request: Request) -> None:
    """Called before a run or survey; model, images and parameters were found good.

    Also before each run of a comparison or evaluation, as interp_after_run is after it.
    """


@hookspec
def interp_after_run(explanation: Explanation) -> None:
    """Called after a run or survey, before the explanation is drawn and saved."""


@hookspec
def interp_before_compare(request: ComparisonRequest) -> None:
    """Called before a comparison; model, images and methods were found good."""


@hookspec
def interp_after_compare(comparison: Comparison) -> None:
    """Called after a comparison; with a folder, its bundles are there, the report is not yet."""


@hookspec
def interp_before_evaluate(request: EvaluationRequest) -> None:
    """Called before an evaluation; model, methods, metrics and data were found good."""


@hookspec
def interp_after_evaluate(evaluation: Evaluation) -> None:
    """Called after an evaluation, before it is saved."""


@hookspec
def interp_before_fit(request: Request) -> None:
    """Called before a method learns; model, data and parameters were found good."""


@hookspec
def interp_after_fit(knowledge: Knowledge) -> None:
    """Called after a method has learned, before the knowledge is saved."""


@hookspec
def interp_after_save(
    folder: Path, result: Explanation | Comparison | Evaluation | Knowledge
) -> None:
    """Called once a result is whole in its folder, where interp.load opens it."""


@hookspec
def interp_commands(app: typer.Typer) -> None:
    """Add the commands that registry.yaml names to the command line."""


@hookspec
def interp_panels() -> dict[str, Callable[[Comparison | None], None]]:
    """The pages of the dashboard that registry.yaml names, {title: panel}.

    panel(comparison) draws with streamlit; it is given the last comparison, or None.
    """
    raise NotImplementedError  # a package answers
