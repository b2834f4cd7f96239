"""Two models side by side: from the choice or the address to the maps of both, and the report."""

from __future__ import annotations

from interp.comparison.models import ModelComparison
from interp_dashboard.models_view import _report

CHOICE = {"model": "creatures-resnet", "beside": "creatures-decoupled", "image": "two"}
BOTH = ["creatures-resnet", "creatures-decoupled"]


def test_the_same_methods_on_two_models(visit):
    visitor = visit("compare", method=["gradcam", "centre"], **CHOICE)
    visitor.press("Run").finish("compare")
    assert not visitor.errors
    found = visitor.session.jobs["compare"].result
    assert isinstance(found, ModelComparison) and found.models == BOTH
    (tiles,) = visitor.session.drawn.values()
    rows = [[f"{method}: {model}" for model in BOTH] for method in ("gradcam", "centre")]
    shown = [each.method for each in tiles]
    assert shown == ["the image", *rows[0], "the image", *rows[1]]
    assert [each.photo for each in tiles] == 2 * [True, False, False]
    for at, each in enumerate(found.comparisons):
        own = [tile.full for tile in tiles[1 + at :: 3]]
        assert own == [each.scales[method] for method in ("gradcam", "centre")]
    report = _report(found).decode()
    assert all(each in report for each in (*BOTH, "How to read the maps"))
    assert visitor.session.address["beside"] == [CHOICE["beside"]]
    layers = visit("layers", session=visitor.session.name)
    assert not layers.errors and "gradcam" in [*layers.page.selectbox[0].options]


def test_a_model_that_is_not_there_is_told_and_the_other_is_explained(visit):
    visitor = visit("compare", method="centre", **{**CHOICE, "beside": "no-such"})
    assert any("no-such" in each for each in visitor.warnings)
    visitor.press("Run").finish("compare")
    assert not isinstance(visitor.session.jobs["compare"].result, ModelComparison)
    assert not visitor.errors
