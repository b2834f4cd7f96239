"""Methods that can only fail on a model cannot be ticked, and the page says why."""

from __future__ import annotations

import numpy as np

from interp.registry import Registry
from interp.storage.image import open_image
from interp_dashboard import refusal
from interp_dashboard.job import Job
from interp_dashboard.refusal import Try


def test_methods_for_other_networks_are_found_by_trying():
    image = open_image(Registry.load().get("sample", "two"))
    special = ("attention-rollout", "legrad", "rise", "gradcam")
    found = Try("creatures-vgg", image, special)(Job(lambda _: None))
    assert set(found) == {"attention-rollout", "legrad"}
    assert all("\n" not in each for each in found.values())


def test_what_cannot_be_ticked_says_why(visit, monkeypatch):
    monkeypatch.setattr(
        refusal.KNOWN, "get", lambda key, make: {"csg": "csg explains its own networks"}
    )
    monkeypatch.setattr("interp_dashboard.refusal.setting", lambda: _Pooled)
    visitor = visit("compare", method=["csg", "centre"])
    assert visitor.page.checkbox(key="tick csg").disabled
    assert "csg explains its own networks" in visitor.words
    assert not visitor.page.checkbox(key="tick centre").disabled
    visitor.press("Run").finish("compare")
    assert visitor.session.jobs["compare"].result.methods == ["centre"]


class _Pooled:
    workers = 1


def test_a_refusal_is_asked_for_once(monkeypatch):
    asked = []
    monkeypatch.setattr(refusal, "_found_behind", lambda *_: asked.append(1) or {"csg": "no"})
    monkeypatch.setattr(refusal, "setting", lambda: _Pooled)
    monkeypatch.setattr(refusal, "is_own", lambda _: False)
    refusal.KNOWN.values.clear()
    card = refusal.ModelCard(_Spec(), frozenset(refusal.Capability))
    image = np.zeros((2, 2, 3), np.uint8)
    assert [refusal.refusals("creatures-vgg", image, card)["csg"] for _ in range(2)] == ["no"] * 2
    assert len(asked) == 1


class _Spec:
    fingerprint = "f"
