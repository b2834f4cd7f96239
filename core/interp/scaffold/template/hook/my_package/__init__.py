"""A hook that logs every explanation that was made, and how long it took."""

from __future__ import annotations

import logging

from interp.explanation import Explanation
from interp.hookspecs import hookimpl

logger = logging.getLogger(__name__)


@hookimpl
def interp_after_run(explanation: Explanation) -> None:
    """Called after a run, before the explanation is drawn and saved."""
    made = explanation.provenance
    if made is not None:
        logger.info("%s explained %s in %.2f s", made.method, made.model.name, made.seconds)
