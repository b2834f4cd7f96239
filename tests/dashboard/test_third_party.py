"""The example package as somebody installs it: listed, ticked, drawn, on PyTorch and on ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.registry import Registry
from interp_dashboard.map_view import maps

EXAMPLE = Path(__file__).parents[1] / "example_plugin/src"
METHOD = "occlude-grid"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """What an installer leaves: the package on the path and its entry point; nothing else."""
    info = tmp_path / "site/interp_example-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: interp-example\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[interp]\nexample = interp_example\n")
    monkeypatch.syspath_prepend(info.parent)
    monkeypatch.syspath_prepend(EXAMPLE)


@pytest.mark.parametrize("model", ["creatures-vgg", "colour.onnx"])
def test_it_runs_and_draws_beside_ours(model, installed, started, visit, network, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "colour.onnx").write_bytes(network())
    started(models=folder)
    visitor = visit("compare", model=model, method=[METHOD, "centre"], set=f"{METHOD}.cells=4")
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    found = visitor.session.jobs["compare"].result
    known = Registry.load()
    at = found.methods.index(METHOD)
    tile = maps(known, found, 0, found.records[0].targets[0])[at]
    assert tile.summary == known.entry("method", METHOD).summary
    assert tile.error is None
    assert tile.values
    assert found.records[0].outcomes[at].samples == 4 * 4 + 1


def test_it_has_a_card_and_a_form(installed, started, visit, monkeypatch):
    monkeypatch.setattr("interp_dashboard.page.methods.thumbnails", lambda *_: lambda job: None)
    started()
    visitor = visit("methods")
    assert METHOD in [each.value for each in visitor.page.subheader]
    assert "From interp_example." in visitor.words
    compare = visit("compare", method=METHOD)
    assert compare.page.number_input(key=f"{METHOD}.cells").value == 8
