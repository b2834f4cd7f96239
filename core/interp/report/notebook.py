"""Notebook display of results: an explanation or a comparison at the end of a cell shows itself."""

from __future__ import annotations

from interp.comparison.result import Comparison
from interp.explanation import Explanation
from interp.registry import Registry
from interp.report.page import comparison_html, explanation_html


def show_in_notebooks() -> None:
    """Give explanations and comparisons `_repr_html_`, which notebooks ask a cell's last value for.

    The results themselves stand below the report and know nothing of it.
    """
    Explanation._repr_html_ = _explanation  # type: ignore[attr-defined]
    Comparison._repr_html_ = _comparison  # type: ignore[attr-defined]


def _explanation(self: Explanation) -> str:
    """The explanation's maps over the images, and what else it shows, as HTML."""
    return explanation_html(Registry.load(), self)


def _comparison(self: Comparison) -> str:
    """The report of the comparison, as HTML."""
    return comparison_html(Registry.load(), self, whole=False)
