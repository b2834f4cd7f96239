"""The network whose best pictures are known, as a fixture."""

from __future__ import annotations

import pytest
from support.known_filters import Known, known_filters


@pytest.fixture
def known() -> Known:
    """The network with known filters, and 20 images."""
    return known_filters()
