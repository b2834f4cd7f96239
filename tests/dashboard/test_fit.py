"""Fit: what is learned on the page is kept, offered, and everything it shows is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interp.result.bundle import open_bundle
from interp.storage.progress_folder import MARK
from interp_dashboard import work

SMALL = {
    "chip": ("creatures-vgg", {"masks": 200, "images": 2}),
    "csg": ("creatures-resnet", {"epochs": 3, "batch_size": 8, "gate_rate": 0.5}),
    "decoupling": ("creatures-resnet", {"epochs": 2, "batch_size": 8}),
    "explainer": ("creatures-vgg", {"epochs": 1, "batch_size": 8}),
    "craft": ("creatures-vgg", {"concepts": 3, "scored": 2, "masks": 100}),
    "tcav": ("creatures-vgg", {"permutations": 99}),
}
"""Method -> the model it learns of, and parameters with which that takes seconds."""


def choose(visitor, label, value):
    """Set the selectbox of this label."""
    next(each for each in visitor.page.selectbox if each.label == label).set_value(value)
    visitor.page.run()


def prepare(visitor, method):
    """Choose all but the button."""
    model, params = SMALL[method]
    choose(visitor, "Method", method)
    choose(visitor, "Model", model)
    visitor.page.number_input[0].set_value(40)
    for key, value in params.items():
        visitor.page.number_input(key=f"fit {method} {model}.{key}").set_value(value)
    visitor.page.run()


def drawn(visit, view, button, job, learned):
    """What a view of the page of layers found with the knowledge, all of it drawn."""
    visitor = visit("layers")
    visitor.page.button_group(key="shown").set_value(view)
    visitor.page.run()
    choose(visitor, "Method", learned.name.partition("-")[0])
    if not (learned / "model.json").is_file():
        choose(visitor, "Knowledge", learned.name)
    visitor.press(button).finish(job)
    assert visitor.errors == []
    _, found = open_bundle(visitor.session.jobs[job].result)
    for each in found.evidence:
        assert f"**{each.name}**" in visitor.words
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", SMALL)
def test_what_is_learned_is_offered_and_drawn(method, visit, started, tmp_path):
    started()
    visitor = visit("fit")
    prepare(visitor, method)
    visitor.press("Fit").finish("fit")
    assert visitor.errors == []
    learned = visitor.session.jobs["fit"].result
    assert learned.parent == tmp_path / "runs"
    image = drawn(visit, "An image", "Explain", "one image", learned)
    assert image.provenance.method == method
    classes = drawn(visit, "A model's classes", "Survey", "classes", learned)
    kinds = {each.kind for each in (*image.evidence, *classes.evidence)}
    wanted = {"csg": "matrix", "decoupling": "pathway", "explainer": "gallery", "chip": "matrix"}
    wanted |= {"craft": "concepts", "tcav": "concepts"}
    assert wanted[method] in kinds


@pytest.mark.slow
def test_a_fit_that_was_stopped_goes_on_and_is_made_once(visit, started, monkeypatch, tmp_path):
    """The second press goes on with what is kept; the third finds it whole."""
    started()
    begun = []
    plain = work.fit

    def kept():
        found = (tmp_path / "runs").glob("*.partial/*")
        return [each for each in found if each.name != MARK]

    def stopped_once(request, session, **how):
        begun.append(len(kept()))
        if len(begun) == 1:
            session = replace(session, cancelled=lambda: bool(kept()))
        return plain(request, session, **how)

    monkeypatch.setattr(work, "fit", stopped_once)
    visitor = visit("fit")
    prepare(visitor, "csg")
    visitor.press("Fit").finish("fit")
    assert visitor.session.jobs["fit"].stopped
    for _ in range(2):
        visitor.press("Fit").finish("fit")
        assert visitor.errors == []
    assert begun[0] == 0
    assert begun[1] > 0
    assert len(begun) == 2
    assert visitor.session.jobs["fit"].result.parent == tmp_path / "runs"


def test_what_an_uploaded_model_teaches_stays_with_them(visit, network, monkeypatch, tmp_path):
    """Only what is taught by models that everybody has is kept for everybody."""
    visitor = visit("fit")
    source = visitor.session.folder / "models" / "net.onnx"
    source.parent.mkdir()
    source.write_bytes(network())
    visitor.session.models["net"] = source
    places = []

    def noted(task):
        places.append(task.place)
        return lambda job: None

    monkeypatch.setattr(work, "_placed", noted)
    visitor.page.run()
    for model in ("uploaded: net", "creatures-vgg"):
        choose(visitor, "Model", model)
        visitor.press("Fit").finish("fit")
    assert places == [visitor.session.folder / "learned", tmp_path / "runs"]
