"""A detector on the dashboard: the boxes that it finds are the targets."""

from __future__ import annotations


def test_a_box_is_chosen_and_explained(visit):
    asked = {"image": "two", "target": "fenka", "method": ["occlusion"]}
    visitor = visit("compare", model="creatures-detector", **asked)
    assert visitor.errors == []
    assert visitor.page.checkbox(key="tick mint").disabled
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    found = visitor.session.jobs["compare"].result
    (target,) = found.records[0].targets
    assert target.startswith("fenka 0.")
    assert f"Why {target}?" in visitor.words
    assert found.records[0].prediction.unit == "similarity"
