"""Display of explanations and comparisons in notebooks."""

from __future__ import annotations

from interp.comparison.result import Comparison
from interp.explanation import Explanation
from interp.registry import Registry
from interp.report.page import comparison_html, explanation_html


def show_in_notebooks() -> None:
    """Give both classes `_repr_html_`, by which a notebook shows a cell's last value.

    It is added here because the classes themselves must not import the report.
    """
    Explanation._repr_html_ = (  # type: ignore[attr-defined]
        lambda self: explanation_html(Registry.load(), self)
    )
    Comparison._repr_html_ = (  # type: ignore[attr-defined]
        lambda self: comparison_html(Registry.load(), self, whole=False)
    )
