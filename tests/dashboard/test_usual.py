"""What is known of methods on a model, and that none found poor on it is ticked by default."""

from __future__ import annotations

from interp.comparison.badge import line
from interp.opening.source import open_model
from interp.registry import Registry
from interp.report.trust import badges
from interp.spec import ModelOptions
from interp_dashboard.link import DEFAULT_METHODS
from interp_dashboard.usual import usual_methods

KNOWN = Registry.load()


def fingerprint(name):
    return open_model(name, ModelOptions(device="cpu"), KNOWN).spec.fingerprint


def test_what_is_found_poor_on_a_model_is_not_ticked_for_it():
    vgg = [each.name for each in usual_methods(KNOWN, fingerprint("creatures-vgg"))]
    assert "gradcam" not in vgg and len(vgg) == len(DEFAULT_METHODS)
    assert vgg[:3] == ["mint", "chip", "rise"]
    for each in vgg:
        assert "poor" not in line(badges(KNOWN, fingerprint("creatures-vgg"), each))
    resnet = usual_methods(KNOWN, fingerprint("creatures-resnet"))
    assert [each.name for each in resnet] == list(DEFAULT_METHODS)
    unknown = usual_methods(KNOWN, "another model")
    assert [each.name for each in unknown] == list(DEFAULT_METHODS)


def test_every_method_has_the_same_badges():
    for each in KNOWN.entries("method"):
        found = badges(KNOWN, fingerprint("creatures-vgg"), each.name)
        assert [badge.about for badge in found] == ["interp check", "evaluation"]


def test_a_tile_and_a_card_tell_it(visit):
    visitor = visit("compare", method="gradcam").press("Run").finish("compare")
    ((_, tile),) = visitor.session.drawn.values()
    assert {"fit: does not tell", "standard error: none, it takes no samples"} <= set(tile.lines)
    assert any(each.startswith("interp check: passes region") for each in tile.lines)
    assert "worse in 9, poor" in tile.warnings[-1]
