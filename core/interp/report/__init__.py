"""HTML reports of results: files that open anywhere, without server, script or network."""

from interp.report.page import (
    compare_with_report,
    comparison_html,
    explanation_html,
    reading_html,
    write_index,
    write_reports,
)

__all__ = [
    "compare_with_report",
    "comparison_html",
    "explanation_html",
    "reading_html",
    "write_index",
    "write_reports",
]
