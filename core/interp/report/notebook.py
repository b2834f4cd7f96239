"""Display of explanations and comparisons in notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interp.comparison.result import Comparison
from interp.explanation import Explanation
from interp.registry import Registry
from interp.report.page import comparison_html, explanation_html
from interp.result.bundle import Made


def show_in_notebooks() -> None:
    """Give both classes `_repr_html_`, by which a notebook shows a cell's last value.

    It is added here because the classes themselves must not import the report.
    """
    Explanation._repr_html_ = (  # type: ignore[attr-defined]
        lambda self: explanation_html(_registry([self]), self)
    )
    Comparison._repr_html_ = (  # type: ignore[attr-defined]
        lambda self: comparison_html(_registry(_answers(self)), self, whole=False)
    )


def _answers(found: Comparison) -> Iterator[Explanation]:
    for cell in found.cases[0].cells if found.records else ():
        if cell.explanation is not None:
            yield cell.explanation


def _registry(found: Iterable[Explanation]) -> Registry:
    """The registry that made these results, else that of the installed packages."""
    made = (each.source.known for each in found if isinstance(each.source, Made))
    return next(made, None) or Registry.load()
