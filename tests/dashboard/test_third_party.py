"""The example packages as somebody installs them: listed, ticked, drawn, on PyTorch and on ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp.registry import Registry
from interp_dashboard.map_view import maps

TESTS = Path(__file__).parents[1]
EXAMPLES = {
    "interp_example": (TESTS / "example_plugin/src", "occlude-grid"),
    "interp_short": (TESTS / "example_short", "occlude-short"),
}
"""Package -> its folder and its method."""


@pytest.fixture(params=EXAMPLES)
def example(request) -> str:
    """The package's name."""
    return request.param


@pytest.fixture
def installed(example, tmp_path, monkeypatch) -> str:
    """What an installer leaves, the package on the path and its entry point; its method's name."""
    folder, method = EXAMPLES[example]
    info = tmp_path / f"site/{example}-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {example}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[interp]\nexample = {example}\n")
    monkeypatch.syspath_prepend(info.parent)
    monkeypatch.syspath_prepend(folder)
    return method


@pytest.mark.parametrize("model", ["creatures-vgg", "colour.onnx"])
def test_it_runs_and_draws_beside_ours(model, installed, started, visit, network, tmp_path):
    method = installed
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "colour.onnx").write_bytes(network())
    started(models=folder)
    visitor = visit("compare", model=model, method=[method, "centre"], set=f"{method}.cells=4")
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    assert "--input" not in visitor.words  # a flag of the command line is a field here
    found = visitor.session.jobs["compare"].result
    known = Registry.load()
    at = found.methods.index(method)
    tile = maps(known, found, 0, found.records[0].targets[0])[at]
    assert tile.summary == known.entry("method", method).summary
    assert tile.error is None
    assert tile.values
    assert found.records[0].outcomes[at].samples == 4 * 4 + 1


def test_it_has_a_card_and_a_form(example, installed, started, visit, monkeypatch):
    method = installed
    monkeypatch.setattr("interp_dashboard.page.methods.thumbnails", lambda *_: lambda job: None)
    started()
    visitor = visit("methods")
    assert method in [each.value for each in visitor.page.subheader]
    assert f"it needs predict. From {example}." in visitor.words
    compare = visit("compare", method=method)
    assert compare.page.number_input(key=f"{method}.cells").value == 8


def test_a_package_that_fails_takes_nothing_with_it(package, started, visit, monkeypatch):
    package(
        "import nothing_like_it",
        "entries: [{kind: method, name: torn, summary: s, answers: where, object: 'NAME:Torn'}]",
        installed=True,
    )
    monkeypatch.setattr("interp_dashboard.page.methods.thumbnails", lambda *_: lambda job: None)
    started()
    visitor = visit("methods")
    assert visitor.errors == []
    assert "torn" in [each.value for each in visitor.page.subheader]
    compare = visit("compare", method=["torn", "centre"])
    assert any("entries[0].object" in each for each in compare.errors)
