"""The core's tests use a plugin package of their own."""

import sys
from pathlib import Path

import pytest

from interp.registry import Registry

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The built-in registry and the probe package."""
    monkeypatch.syspath_prepend(PLUGIN)
    sys.modules.pop("interp_probe", None)
    return Registry.load([PLUGIN / "registry.yaml"])
