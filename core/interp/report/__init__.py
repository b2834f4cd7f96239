"""Reports: what was found as HTML that opens anywhere, without server, script or network."""

from interp.report.page import (
    comparison_html,
    explanation_html,
    reading_html,
    write_index,
    write_reports,
)

__all__ = ["comparison_html", "explanation_html", "reading_html", "write_index", "write_reports"]
