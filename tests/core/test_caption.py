"""Every picture has a sentence: the method's own, that of its kind, or its renderer's summary."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from interp.evidence import KINDS, Evidence, Heatmap
from interp.registry import Registry
from interp.registry.manifest import MethodEntry, RendererEntry
from interp.result.caption import caption
from interp.testing.evidence_example import evidence_examples

REGISTRY = Registry.load()
METHODS = [e for e in REGISTRY.entries("method") if isinstance(e, MethodEntry)]
EXAMPLES = evidence_examples(20, 20)
RENDERERS = [e for e in REGISTRY.entries("renderer") if isinstance(e, RendererEntry)]


def is_sentence(text: str) -> bool:
    return text[:1].isupper() and text.endswith(".") and len(text.split()) >= 4


@pytest.mark.parametrize("kind", [each.evidence for each in RENDERERS])
def test_every_kind_is_said_in_a_sentence(kind):
    found = caption(REGISTRY, None, EXAMPLES[kind])
    assert is_sentence(found)
    assert kind in KINDS and found == caption(REGISTRY, "of no registry", EXAMPLES[kind])


def test_a_kind_of_another_package_is_said_by_its_renderer():
    @dataclass(frozen=True, eq=False, kw_only=True)
    class Other(Evidence):
        kind: ClassVar[str] = "other-kind"

    try:
        assert caption(REGISTRY, None, Other(name="it")) == "other-kind."
    finally:
        del KINDS["other-kind"]


def test_a_map_says_whether_it_speaks_against_the_class():
    values = np.eye(2, dtype=np.float32)
    signed = Heatmap(name="it", target="cat", values=values)
    only_for = Heatmap(name="it", target="cat", values=values, signed=False)
    assert "against" in caption(REGISTRY, "gradcam", signed)
    assert "against" not in caption(REGISTRY, "gradcam", only_for)


@pytest.mark.parametrize("entry", [e for e in METHODS if e.pictures], ids=lambda e: e.name)
def test_what_a_method_says_of_its_pictures_is_of_pictures_that_it_draws(entry):
    origin = find_spec(entry.package).origin
    text = "".join(each.read_text() for each in Path(origin).parent.rglob("*.py"))
    for name, said in entry.pictures.items():
        assert is_sentence(said)
        assert name.removesuffix("*").rstrip(" ,") in text
        drawn = Heatmap(name=name.replace("*", "stage3"), values=np.eye(2))
        assert caption(REGISTRY, entry.name, drawn) == said
