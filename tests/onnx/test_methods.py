"""Every method on every adapter's models, as the table in README.md says; listed is tested."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from interp.docs import missing
from interp.errors import UnsupportedError
from interp.manifest import AdapterEntry, MethodEntry
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.testing import MethodCase, method_checks

REGISTRY = Registry.load()
METHODS = [each for each in REGISTRY.entries("method") if isinstance(each, MethodEntry)]
ADAPTERS = [each for each in REGISTRY.entries("adapter") if isinstance(each, AdapterEntry)]
PAIRS = [
    pytest.param(method, adapter, id=f"{method.name}-{adapter.name}")
    for method, adapter in itertools.product(METHODS, ADAPTERS)
]
FIRST = ("check_needs", "check_evidence")
CHECKS = [
    pytest.param(check, marks=() if check.__name__ in FIRST else pytest.mark.slow)
    for check in method_checks()
]


@pytest.fixture(scope="module")
def models(pair: Any) -> dict[str, ModelAdapter]:
    """A small model of each adapter."""
    both = pair("Depthwise")
    return {"torch": both.module, "onnx": both.file}


def test_every_adapter_has_a_model_here(models: dict[str, ModelAdapter]) -> None:
    assert set(models) == {each.name for each in ADAPTERS}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda each: each.name)
def test_an_adapter_offers_what_the_registry_says(
    models: dict[str, ModelAdapter], adapter: AdapterEntry
) -> None:
    assert models[adapter.name].capabilities == frozenset(adapter.offers)


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(("method", "adapter"), PAIRS)
def test_a_method_runs_or_says_what_it_needs(
    models: dict[str, ModelAdapter],
    method: MethodEntry,
    adapter: AdapterEntry,
    check: Callable[[MethodCase], None],
) -> None:
    case = MethodCase(method.name, registry=REGISTRY, model=models[adapter.name])
    if lacking := missing(method, adapter):
        with pytest.raises(UnsupportedError, match=f"needs ({'|'.join(lacking).upper()});"):
            case.explain()
    else:
        check(case)
