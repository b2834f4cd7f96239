"""Results as objects: opened, saved, drawn, looked into; and where their parts come from."""

from __future__ import annotations

import builtins
import io
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import interp
from interp.errors import InputError, UnsupportedError
from interp.explanation import Explanation, Origin
from interp.method import Style
from interp.progress_bar import Lines, shown_progress
from interp.registry import Registry
from interp.registry.origin import other_versions
from interp.result.bundle import open_bundle
from interp.result.draw import Styles, photo
from interp.storage.folder import seal
from interp.testing import ToyModel

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "example_plugin/src/interp_example/registry.yaml"
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _closed_figures(monkeypatch):
    """Figures are drawn without a screen, and closed."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two class folders of an image each."""
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.fromarray(PIXELS).save(tmp_path / "photos" / name / "a.png")
    return tmp_path / "photos"


def test_what_is_saved_is_loaded_by_kind(registry, photos, tmp_path) -> None:
    calls = {
        "run": lambda out: interp.explain(
            ToyModel(), PIXELS, method="tiles", registry=registry, out=out
        ),
        "comparison": lambda out: interp.compare(
            ToyModel(), PIXELS, methods=["tiles", "crash"], registry=registry, out=out
        ),
        "evaluation": lambda out: interp.evaluate(
            ToyModel(),
            photos,
            methods=["tiles"],
            metrics={"deletion": {"steps": 4}},
            registry=registry,
            out=out,
            budget=50,
        ),
        "knowledge": lambda out: interp.fit(
            ToyModel(), photos, method="learner", registry=registry, out=out
        ),
    }
    for name, call in calls.items():
        for folder in (str(tmp_path / f"{name}-text"), tmp_path / f"{name}-path"):
            made, found = call(folder), interp.load(folder)
            assert type(found) is type(made)
    both = interp.load(tmp_path / "comparison-path")
    np.testing.assert_array_equal(both.map("tiles"), interp.load(tmp_path / "run-path").map())
    with pytest.raises(InputError, match=r"manifest\.json"):
        interp.load(tmp_path)


def test_an_explanation_is_saved_after_the_call(registry, tmp_path) -> None:
    """`save` writes what `out` does, also of what was loaded, and it is repeated alike."""
    call = {"method": "tiles", "params": {"cells": 3}, "registry": registry, "budget": 40}
    found = interp.explain(ToyModel(), [PIXELS, PIXELS[::-1].copy()], **call)
    interp.explain(ToyModel(), [PIXELS, PIXELS[::-1].copy()], **call, out=tmp_path / "whole")
    assert found.save(str(tmp_path / "later")) == tmp_path / "later"
    interp.load(tmp_path / "later").save(tmp_path / "again")
    names = {each.name for each in (tmp_path / "whole").iterdir()}
    for folder in ("later", "again"):
        assert {each.name for each in (tmp_path / folder).iterdir()} == names
        one, two = ((tmp_path / each / "request.json").read_text() for each in ("whole", folder))
        assert one == two
        assert interp.rerun(tmp_path / folder, model=ToyModel(), registry=registry).same
    with pytest.raises(InputError, match="not empty"):
        found.save(tmp_path / "later")
    with pytest.raises(UnsupportedError, match=r"what interp\.explain"):
        Explanation(()).save(tmp_path / "none")


def test_a_comparison_is_looked_into(registry) -> None:
    both = interp.compare(
        ToyModel(),
        [PIXELS, PIXELS[::-1].copy()],
        methods=["tiles", "crash"],
        registry=registry,
        target=["bee", "cat"],
    )
    for image in (0, 1, -1):
        own = both.cases[image].cells[0].explanation
        for target in ("bee", 1, np.int64(1)):
            np.testing.assert_array_equal(both.map("tiles", target, image), own.map("bee"))
    assert both.explanation("tiles").provenance.method == "tiles"
    for wrong, words in (
        (lambda: both.map("tile"), "did you mean 'tiles'"),
        (lambda: both.map("tiles", image=2), "one of 2"),
        (lambda: both.map("tiles", "ant"), "no map of ant"),
        (lambda: both.map("crash"), "no answer.*ZeroDivisionError"),
    ):
        with pytest.raises((InputError, UnsupportedError), match=words):
            wrong()


def test_figures_show_every_picture(registry) -> None:
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    found = interp.explain(
        ToyModel(),
        [PIXELS, PIXELS[::-1].copy()],
        method="tiles",
        registry=registry,
        target=["bee", "cat"],
    )
    figure = found.plot()
    assert isinstance(figure, Figure) and figure.number in pyplot.get_fignums()
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    drawn = [photo(each, Style().width) for each in found.images]
    styles = Styles(found, Style())  # one scale for all
    drawn += [found.source.picture(found, each, styles.of(each)) for each in found.evidence]
    assert len(shown) == len(drawn) == 2 + len(found.evidence) >= 6
    for one, other in zip(shown, drawn, strict=True):
        np.testing.assert_array_equal(one, other)
    assert {axis.get_title() for axis in figure.axes if axis.images} == {"image 0", "image 1"}
    both = interp.compare(ToyModel(), PIXELS, methods=["tiles", "crash"], registry=registry)
    image, tiles, crash = both.plot().axes
    assert len(image.images) == len(tiles.images) == 1
    assert "ZeroDivisionError" in crash.texts[0].get_text()


def test_a_notebook_shows_a_figure_once(registry, monkeypatch) -> None:
    from matplotlib import pyplot

    found = interp.explain(ToyModel(), PIXELS, method="tiles", registry=registry)
    inline = "module://matplotlib_inline.backend_inline"
    monkeypatch.setattr(pyplot, "get_backend", lambda: inline)
    figure = found.plot()
    assert pyplot.get_fignums() == [], "pyplot shows it, and it is the cell's value, too"
    figure.savefig(file := io.BytesIO())
    assert file.tell() > 1000


def test_without_matplotlib_the_remedy_is_told(registry, monkeypatch) -> None:
    found = interp.explain(ToyModel(), PIXELS, method="tiles", registry=registry)
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnsupportedError, match="pip install matplotlib"):
        found.plot()


def test_progress_is_shown_where_it_is_asked_for(registry, capsys, monkeypatch) -> None:
    call = {"method": "rise", "samples": 40, "batch_size": 10, "registry": registry}
    interp.explain(ToyModel(), PIXELS, **call)
    assert capsys.readouterr().err == ""
    interp.explain(ToyModel(), PIXELS, **call, progress=True)
    assert "perturbed samples" in capsys.readouterr().err.split("40 of 40")[0]
    seen = []
    interp.explain(ToyModel(), PIXELS, **call, progress=lambda *each: seen.append(each))
    assert seen[-1][1:] == (40, 40)
    with monkeypatch.context() as screen, shown_progress(True) as shown:
        screen.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        with shown_progress(True) as bar:
            bar("work", 1, 2)
        shown("work", 2, 2)
    assert "2 of 2" in capsys.readouterr().err


def test_a_notebook_has_one_line_that_changes(monkeypatch) -> None:
    lines = []

    class Shown:
        def update(self, content, raw):
            lines.append(content["text/plain"])

    show = Lines(0.0, Shown())
    for done in range(3):
        show("work", done, 2)
    assert [each[-6:] for each in lines] == ["0 of 2", "1 of 2", "2 of 2"]
    assert "██████████··········" in lines[1]
    show("counting", 1500, None)
    assert lines[-1] == "counting: 1,500"


def test_results_name_the_packages_behind_them(photos, tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(HERE / "plugin")
    registry = Registry.load([EXAMPLE, HERE / "plugin/registry.yaml"])
    found = interp.explain(
        ToyModel(), PIXELS, method="occlude-grid", registry=registry, out=tmp_path / "run"
    )
    own = interp.__version__
    method, renderer = found.provenance.origins[:2]
    assert (method.kind, method.name, method.registry) == ("method", "occlude-grid", str(EXAMPLE))
    assert method.package in ("interp-example", "interp_example")
    assert renderer == Origin("renderer", "heatmap", "interp", own)
    assert found.provenance.registries == (str(EXAMPLE), str(HERE / "plugin/registry.yaml"))
    assert open_bundle(tmp_path / "run")[1].provenance == found.provenance
    composed = interp.explain(ToyModel(), PIXELS, method="rise", samples=20).provenance.origins
    kinds = {each.kind for each in composed}
    assert {"method", "perturbation", "weighting", "solver", "renderer"} <= kinds
    measured = interp.evaluate(
        ToyModel(),
        photos,
        methods=["tiles"],
        metrics={"deletion": {"steps": 4}},
        budget=50,
        registry=registry,
        out=tmp_path / "evaluation",
    )
    told = {(each.kind, each.name) for each in measured.origins}
    assert {("method", "tiles"), ("metric", "deletion"), ("method", "random")} <= told
    assert interp.load(tmp_path / "evaluation").origins == measured.origins


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_a_rerun_says_what_is_missing(kind, tmp_path, monkeypatch) -> None:
    registry = Registry.load(EXAMPLE)
    place = tmp_path / "made"
    if kind == "run":
        interp.explain(ToyModel(), PIXELS, method="occlude-grid", registry=registry, out=place)
    else:
        interp.compare(ToyModel(), PIXELS, methods=["occlude-grid"], registry=registry, out=place)
    assert interp.rerun(place, model=ToyModel(), registry=registry).same
    words = rf"needs the method 'occlude-grid' of interp.example .*--registry {EXAMPLE}"
    with pytest.raises(InputError, match=words):
        interp.rerun(place, model=ToyModel(), registry=Registry((Registry.load().manifests[0],)))


def test_a_missing_package_and_another_version_are_told() -> None:
    registry = Registry.load()
    lost = Origin("method", "wonder", "interp-wonder", "2.0")
    with pytest.raises(InputError, match=r"of interp-wonder 2\.0.*pip install interp-wonder"):
        other_versions("made", [lost], registry)
    older = Origin("method", "rise", "interp", "0.0.1")
    (note,) = other_versions("made", [older], registry)
    here = f"method rise is of interp {interp.__version__} here"
    assert note == f"{here}; made was made with interp 0.0.1"


def test_bundles_without_origins_open_and_rerun(registry, tmp_path) -> None:
    """Earlier versions wrote neither origins nor registries."""
    place = tmp_path / "made"
    interp.explain(ToyModel(), PIXELS, method="tiles", registry=registry, out=place)
    facts = json.loads((place / "explanation.json").read_text())
    for key in ("origins", "registries"):
        del facts["provenance"][key]
    (place / "explanation.json").write_text(json.dumps(facts))
    seal(place, {"kind": "explanation"})
    assert interp.load(place).provenance.origins == ()
    assert interp.rerun(place, model=ToyModel(), registry=registry).same


def test_an_explanation_is_pickled_without_the_registry(registry) -> None:
    found = interp.explain(ToyModel(), PIXELS, method="rise", samples=20, registry=registry)
    back = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(back.map(), found.map())
    assert back.source.request == found.source.request and back.source.registry is None
