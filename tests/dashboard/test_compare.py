"""The page of comparisons: the main path, failures in their place, cancel, visitors apart."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from PIL import Image

from interp.comparison.result import Comparison, ComparisonRequest, ImageRecord, Outcome
from interp.errors import InputError
from interp.explanation import Prediction
from interp.registry import Registry
from interp.request import Choice
from interp.result.bundle import open_bundle
from interp.spec import InputSpec, ModelSpec
from interp.storage.folder import MANIFEST
from interp_dashboard.export_result import export_result
from interp_dashboard.job import Job
from interp_dashboard.unfinished import saved
from interp_dashboard.work import Parts

EXAMPLE = Path(__file__).parent.parent / "example_plugin/src/interp_example/registry.yaml"


def test_the_first_page_chooses_something_that_works(visit):
    visitor = visit("compare")
    assert visitor.errors == []
    ticked = {each.key for each in visitor.page.checkbox if each.value and "tick" in str(each.key)}
    assert {"tick mint", "tick chip", "tick rise"} < ticked and "tick gradcam" not in ticked
    assert not next(each for each in visitor.page.button if each.label == "Run").disabled


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mint.regions=[[[1]]]", "regions"),
        ("mint.regions=-3", "regions"),
        ("mint.nothing=3", "nothing"),
        ("no-such.k=1", "no-such"),
        ("decoupling.concepts=/dev/zero", "names a file or a device of the server"),
        ("decoupling.devices=4", "names a file or a device of the server"),
    ],
)
def test_what_an_address_may_not_say_is_told(visit, value, told):
    visitor = visit("compare", method=[value.partition(".")[0]], set=[value])
    assert visitor.errors == []
    assert [told in each for each in visitor.warnings] == [True]


def test_choose_run_see_keep(visit, started, tmp_path):
    visitor = visit("compare").tick("gradcam", "centre").press("Run").finish("compare")
    assert visitor.errors == []
    found = visitor.session.jobs["compare"].result
    assert found.methods == ["gradcam", "centre"]
    assert (found.folder / "report.html").stat().st_size > 10_000
    assert "Why fenka?" in visitor.words
    visitor.press("Keep among the runs")
    assert (tmp_path / "runs" / found.folder.name / MANIFEST).is_file()


def test_what_was_asked_before_is_only_opened(visit, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("compared again")

    visitor = visit("compare").tick("centre").press("Run").finish("compare")
    first = visitor.session.jobs["compare"].result
    for name in ("compare", "compare_with_report"):
        monkeypatch.setattr(f"interp_dashboard.work.{name}", refuse)
    visitor.press("Run").finish("compare")
    again = visitor.session.jobs["compare"].result
    assert visitor.errors == []
    assert again is not first
    assert again.folder == first.folder


def test_answers_are_shown_as_methods_end_and_refined(visit, monkeypatch):
    shown, show = [], Job.show

    def note(job, found):
        cells, outcomes = found.cases[0].cells, found.records[0].outcomes
        shown.append(
            [None if c.waiting else o.samples for c, o in zip(cells, outcomes, strict=True)]
        )
        show(job, found)

    monkeypatch.setattr(Job, "show", note)
    visitor = visit("compare", method=["rise", "centre"], set="rise.samples=700").press("Run")
    visitor.finish("compare")
    rise, centre = zip(*shown, strict=True)
    assert rise == (None, None, 500, 500, 500, 700, 700)
    assert centre == (None, 0, 0, 0, 0, 0, 0)  # takes no samples, so it goes first
    assert visitor.session.jobs["compare"].version == len(shown)


def test_what_is_to_come_has_its_place(visit, monkeypatch):
    """A job stopped between two methods: the map that is there, and a place for the other."""
    monkeypatch.setattr(Job, "rest", lambda job: job.version == 2 and job.stop())
    visitor = visit("compare", method=["rise", "centre"]).press("Run").finish("compare")
    assert visitor.errors == []
    ((image, rise, centre),) = visitor.session.drawn.values()
    assert image.under and not image.values
    assert (rise.error, rise.values) == ("cancelled", "")
    assert centre.values and not centre.error
    assert "stopped before its end" in visitor.words


def test_what_is_there_of_a_stopped_comparison_can_be_taken_away(visit, monkeypatch, tmp_path):
    """Stopped as the refined map of RISE is to be made: the first look's is there, and says so."""
    monkeypatch.setattr(Job, "rest", lambda job: job.version == 3 and job.stop())
    visitor = visit("compare", method=["rise", "centre"]).press("Run").finish("compare")
    assert visitor.errors == []
    found = visitor.session.jobs["compare"].result
    assert "not refined, with at most 500 samples: rise" in found.notes[0]
    with saved(found, Registry.load(), "part") as folder:
        again = Comparison.open(folder)
        assert (folder / "report.html").read_text().count("not refined") > 0
        request, _ = open_bundle(folder / again.records[0].folder / "rise")
    assert again.notes == found.notes
    assert request.budget.samples == 500


def test_what_is_taken_away_while_it_is_made_says_so(visit, monkeypatch):
    held, rest = [], Job.rest
    monkeypatch.setattr(Job, "rest", lambda job: held.append(job.result) or rest(job))
    visit("compare", method=["rise", "centre"]).press("Run").finish("compare")
    with saved(held[1], Registry.load(), "part") as folder:
        opened = Comparison.open(folder)
        assert "taken away before its end" in (folder / "report.html").read_text()
    rise, centre = opened.records[0].outcomes
    assert (rise.error, centre.error) == ("it had not answered yet", None)


def test_parameters_reach_the_method(visit):
    visitor = visit("compare").tick("rise")
    visitor.page.number_input(key="rise.samples").set_value(300).run()
    visitor.press("Run").finish("compare")
    outcome = visitor.session.jobs["compare"].result.records[0].outcomes[0]
    assert outcome.samples == 300
    assert visitor.page.query_params["set"] == "rise.samples=300"


def test_the_address_names_the_choice(visit):
    visitor = visit(
        "compare",
        model="creatures-resnet",
        image="sample",
        method=["rise", "lime"],
        target="fenka",
        set=["rise.samples=300"],
    )
    assert visitor.errors == []
    ticked = {each.key for each in visitor.page.checkbox if each.value and "tick" in str(each.key)}
    assert ticked == {"tick rise", "tick lime"}
    assert visitor.page.selectbox[0].value == "creatures-resnet"
    assert visitor.page.number_input(key="rise.samples").value == 300
    visitor.tick("rise").press("Run").finish("compare")
    found = visitor.session.jobs["compare"].result
    assert found.model.name == "creatures-resnet"
    assert found.records[0].targets == ("fenka",)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"model": "/etc/passwd"}, "not offered"),
        ({"set": "nonsense"}, "cannot be used"),
        ({"target": "unicorn"}, "unknown target"),
    ],
)
def test_an_address_with_a_slip_is_told(visit, query, told):
    visitor = visit("compare", **query)
    assert visitor.errors == []
    assert any(told in each for each in visitor.warnings)


def test_a_wrong_parameter_is_told(visit):
    visitor = visit("compare").tick("rise")
    visitor.page.number_input(key="rise.samples").set_value(-5).run()
    visitor.press("Run").finish("compare")
    assert any("samples" in each for each in visitor.errors)


def test_cancel_leaves_nothing_running(visit):
    visitor = visit("compare").tick("rise")
    visitor.page.number_input(key="rise.samples").set_value(5_000_000).run()
    visitor.press("Run")
    job = visitor.session.jobs["compare"]
    visitor.page.run()
    visitor.press("Cancel")
    assert job.wait(60)
    visitor.page.run()
    assert "Stopped" in visitor.words
    assert not [each for each in threading.enumerate() if each.name == "interp job"]


def test_what_is_whole_was_not_stopped(visit):
    visitor = visit("compare", method="centre").press("Run").finish("compare")
    visitor.session.start("other", lambda job: job.show(1))
    visitor.page.run()
    assert "Stopped" not in visitor.words


def test_visitors_do_not_see_each_other(visit):
    one = visit("compare", image="sample").tick("centre").press("Run")
    two = visit("compare", image="two").tick("centre").press("Run")
    one.finish("compare")
    two.finish("compare")
    found = [each.session.jobs["compare"].result for each in (one, two)]
    assert [each.records[0].name for each in found] == ["sample", "two"]
    assert one.session.folder != two.session.folder
    names = [{each.name for each in (v.session.folder / "runs").iterdir()} for v in (one, two)]
    assert not names[0] & names[1]


def upload(visitor, key, name, content):
    visitor.page.file_uploader(key=key).set_value((name, content, "")).run()


def test_an_uploaded_image_is_explained(visit):
    held = io.BytesIO()
    Image.linear_gradient("L").resize((60, 40)).save(held, "PNG")
    visitor = visit("compare", method="centre")
    upload(visitor, "image files", "photo.png", held.getvalue())
    assert visitor.errors == []
    visitor.press("Run").finish("compare")
    (case,) = visitor.session.jobs["compare"].result.cases
    assert (case.name, case.image.shape) == ("photo.png", (40, 60, 3))


def test_a_corrupt_upload_is_told_and_the_page_goes_on(visit):
    visitor = visit("compare", method="centre")
    upload(visitor, "image files", "torn.png", b"no picture")
    assert any("torn.png: not an image" in each for each in visitor.errors)
    upload(visitor, "model file", "net.pth", b"x")
    assert any("net.pth is refused" in each for each in visitor.errors)
    visitor.press("Run").finish("compare")
    assert visitor.session.jobs["compare"].result.records[0].name == "two"


@pytest.mark.slow
def test_an_uploaded_model_is_explained(visit, network):
    visitor = visit("compare", method="occlusion")
    upload(visitor, "model file", "net.onnx", network())
    assert visitor.page.selectbox[0].value == "uploaded: net.onnx"
    assert visitor.errors == []
    assert visitor.page.checkbox(key="tick guided-backprop").disabled  # an ONNX file is no module
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    assert visitor.session.jobs["compare"].result.model.name == "net"


def test_a_third_party_method_appears_runs_and_draws(visit, started):
    started(registry=(EXAMPLE,))
    visitor = visit("compare", method="occlude-grid", set="occlude-grid.cells=4").press("Run")
    visitor.finish("compare")
    assert visitor.errors == []
    (cell,) = visitor.session.jobs["compare"].result.cases[0].cells
    assert cell.explanation.samples == 17
    ((_, tile),) = visitor.session.drawn.values()
    assert tile.method == "occlude-grid"
    assert tile.values


def test_several_images_each_have_their_own_answer(visit):
    visitor = visit("compare", image=["sample", "two"], method="centre").press("Run")
    visitor.finish("compare")
    assert visitor.errors == []
    records = visitor.session.jobs["compare"].result.records
    assert [each.name for each in records] == ["sample", "two"]
    assert all(each.targets == (each.prediction.classes[0],) for each in records)


def test_the_forecast_grows_with_the_samples():
    known = Registry.load()
    methods = (
        Choice(name="rise", params={"samples": 2000}),
        Choice(name="gradcam"),
        Choice(name="mint", params={"deep": "nowhere"}),
    )
    seconds = (3.0, 5.0, 0.0)
    outcomes = tuple(
        Outcome(method=each.name, samples=count, seconds=second, error=error)
        for each, count, second, error in zip(
            methods, (500, 0, 0), seconds, (None, None, "no layer"), strict=True
        )
    )
    record = ImageRecord(
        name="two",
        folder="",
        prediction=Prediction(("a",), (0,), (1.0,)),
        targets=("a",),
        outcomes=outcomes,
        agreement={},
    )
    spec = ModelSpec(
        name="m",
        source="m",
        input=InputSpec(),
        activation="none",
        classes=("a",),
        device="cpu",
        fingerprint="0",
    )
    seen = Comparison(ComparisonRequest(methods=methods), spec, (record,), ())
    assert Parts(known, seen.request, 1).forecast(seen) == [5.0, 4 * 3.0, 0.0]


def test_a_kept_run_opens_and_is_kept_once(visit, tmp_path):
    visitor = visit("compare").tick("centre").press("Run").finish("compare")
    folder = visitor.session.jobs["compare"].result.folder
    export_result(folder, tmp_path / "kept")
    assert Comparison.open(tmp_path / "kept" / folder.name).methods == ["centre"]
    assert export_result(folder, tmp_path / "kept") == (folder.name, False)
    (tmp_path / "kept" / folder.name / MANIFEST).write_text("{}")
    assert export_result(folder, tmp_path / "kept") == (f"{folder.name}-2", True)


def test_keeping_twice_says_so(visit):
    visitor = visit("compare").tick("centre").press("Run").finish("compare")
    said = []
    for _ in range(2):
        visitor.press("Keep among the runs")
        assert visitor.errors == []
        said += [each.value for each in visitor.page.success]
    assert said[0].startswith("Kept as")
    assert said[1].startswith("It is kept already")


def test_an_error_names_no_path_of_the_server(visit, monkeypatch):
    def refuse(request, *_, out, **__):
        raise InputError(f"{out} exists and is not empty")

    monkeypatch.setattr("interp_dashboard.work.compare_with_report", refuse)
    visitor = visit("compare").tick("centre").press("Run").finish("compare")
    (told,) = visitor.errors
    assert told.startswith("centre-on-two-")
