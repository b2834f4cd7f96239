"""Hooks around work: each is called with what it says, and none can lose a result."""

from __future__ import annotations

import json
import sys
import typing
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from interp import hookspecs
from interp.cli import main
from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.context import Budget
from interp.dataset import ImageArrays
from interp.difference.rerun import rerun
from interp.errors import InputError
from interp.evaluation.evaluate import evaluate
from interp.evaluation.folder import open_evaluation
from interp.evaluation.request import EvaluationRequest
from interp.knowledge import Knowledge
from interp.registry import Registry
from interp.registry.hook import call_after, call_before, loggers
from interp.request import Choice, Request
from interp.result.bundle import open_bundle
from interp.run import fit, run
from interp.session import Session
from interp.testing import ToyModel

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
AROUND = [
    name
    for name in vars(hookspecs)
    if name.startswith(("interp_before_", "interp_after_")) and name != "interp_after_save"
]
METHOD = """
    from interp.evidence import Heatmap
    from interp.explanation import Explanation
    from interp.hookspecs import hookimpl
    from interp.knowledge import Knowledge
    from interp.method import Method
    import numpy as np

    class Learner(Method):
        def explain(self, model, images, targets, knowledge, context):
            return Explanation((Heatmap(name="map", values=np.ones((40, 50), np.float32), image=0,
                                        target=targets[0].name),))
        def fit(self, model, dataset, context):
            return Knowledge.of("learner", model, {"a": np.ones(3, np.float32)})

    seen = []
"""
ENTRY = (
    'entries: [{kind: method, name: learner, summary: s, answers: where, object: "NAME:Learner"}]'
)


def hooked(package, names: list[str], body: str = "seen.append({hook!r})") -> tuple[str, Registry]:
    """A package with a method and these hooks, each of which does `body`."""
    code = METHOD
    for name in names:
        arguments = ", ".join(getattr(hookspecs, name).__annotations__.keys() - {"return"})
        done = body.replace("{hook!r}", repr(name))
        code += f"\n    @hookimpl\n    def {name}({arguments}):\n        {done}\n"
    listed = "".join(f"  - {{package: NAME, hook: {name}}}\n" for name in names)
    made = package(code, f"{ENTRY}\nhooks:\n{listed}")
    folder = Path(find_spec(made).origin).parent
    return made, Registry.load([folder / "registry.yaml"])


def everything(registry: Registry, out: Path | None = None) -> dict[str, object]:
    """One piece of each kind of work, saved below `out`."""
    session = Session(registry, ToyModel())
    place = {each: out and out / each for each in ("run", "compare", "evaluate", "fit")}
    data = ImageArrays([IMAGE, IMAGE], ["one", "two"])
    methods = (Choice(name="learner"),)
    metrics = (Choice(name="deletion"),)
    return {
        "run": run(
            Request(method="learner"), session, images=[IMAGE], out=place["run"]
        ).explanation,
        "compare": compare(
            ComparisonRequest(methods=methods), session, images=[IMAGE], out=place["compare"]
        ),
        "evaluate": evaluate(
            EvaluationRequest(methods=methods, metrics=metrics, baselines=(), target="predicted"),
            session,
            dataset=data,
            out=place["evaluate"],
        ),
        "fit": fit(Request(method="learner", images=()), session, dataset=data, out=place["fit"]),
    }


def notes_of(result: object) -> list[str]:
    if isinstance(result, Knowledge):
        return list(result.about.get("notes", ()))
    found = result.notes  # type: ignore[attr-defined]
    return list(found() if callable(found) else found)


def test_each_is_called_around_its_work(package, tmp_path):
    names = [*AROUND, "interp_after_save"]
    made, registry = hooked(package, names)
    everything(registry, tmp_path)
    assert sys.modules[made].seen == [
        *("interp_before_run", "interp_after_run", "interp_after_save"),
        "interp_before_compare",
        *("interp_before_run", "interp_after_run"),  # its only cell, whose folder moves
        *("interp_after_compare", "interp_after_save"),
        "interp_before_evaluate",
        *("interp_before_run", "interp_after_run") * 2,  # two images
        *("interp_after_evaluate", "interp_after_save"),
        *("interp_before_fit", "interp_after_fit", "interp_after_save"),
    ]


def test_a_saved_result_is_whole_in_its_folder(package, tmp_path):
    body = "import interp; seen.append((folder, type(interp.load(folder)) is type(result)))"
    made, registry = hooked(package, ["interp_after_save"], body)
    everything(registry, tmp_path)
    seen = sys.modules[made].seen
    assert [each.name for each, _ in seen] == ["run", "compare", "evaluate", "fit"]
    assert all(same for _, same in seen)
    everything(registry)
    assert len(seen) == 4  # nothing was saved


def test_what_does_not_last_is_not_told(package, tmp_path):
    made, registry = hooked(package, ["interp_after_save"], "seen.append(folder.name)")
    everything(registry, tmp_path)
    before = list(sys.modules[made].seen)
    rerun(tmp_path / "run", Session(registry, ToyModel()))
    rerun(tmp_path / "compare", Session(registry, ToyModel()))
    assert sys.modules[made].seen == before
    rerun(tmp_path / "run", Session(registry, ToyModel()), out=tmp_path / "again")
    assert sys.modules[made].seen == [*before, "again"]


@pytest.mark.parametrize("body", ["1 / 0", "import sys; sys.exit(3)", "raise SystemError"])
def test_a_failure_is_a_note_that_names_package_and_hook(package, tmp_path, body):
    made, registry = hooked(package, [*AROUND, "interp_after_save"], body)
    found = everything(registry, tmp_path)
    opened = {
        "run": open_bundle(tmp_path / "run", registry)[1],
        "compare": Comparison.open(tmp_path / "compare", registry),
        "evaluate": open_evaluation(tmp_path / "evaluate"),
        "fit": Knowledge.open(tmp_path / "fit"),
    }
    for kind, result in found.items():
        told = " ".join(notes_of(result))
        for hook in (f"interp_before_{kind}", f"interp_after_{kind}"):
            assert f"{made} failed in {hook}: " in told
            assert f"{made} failed in {hook}: " in " ".join(notes_of(opened[kind]))
        assert f"{made} failed in interp_after_save: " in told
    assert (found["run"].map() == 1).all()  # type: ignore[attr-defined]


def test_one_that_fails_does_not_keep_the_next_from_being_called(package):
    first, one = hooked(package, ["interp_after_run"], "1 / 0")
    second, two = hooked(package, ["interp_after_run"])
    both = Registry((*one.manifests, two.manifests[-1]))
    (note,) = call_after(both, "interp_after_run", explanation=None)
    assert note == f"{first} failed in interp_after_run: ZeroDivisionError: division by zero"
    assert sys.modules[second].seen == ["interp_after_run"]


@pytest.mark.parametrize("hook", [each for each in AROUND if "before" in each])
def test_work_can_be_refused_before_it_begins(package, tmp_path, hook):
    body = "from interp.errors import InputError; raise InputError('not on Sundays; wait')"
    made, registry = hooked(package, [hook], body)
    with pytest.raises(InputError, match=f"^{made} refuses: not on Sundays; wait$"):
        call_before(registry, hook, request=None)
    kind = hook.removeprefix("interp_before_")
    if kind != "run":  # in a comparison that is the cell's failure
        with pytest.raises(InputError, match="not on Sundays"):
            everything(registry, tmp_path)
    assert not (tmp_path / kind).exists()


def test_saving_by_hand_is_told_and_a_failure_warned_of(package, tmp_path):
    made, registry = hooked(package, ["interp_after_save"])
    found = run(Request(method="learner"), Session(registry, ToyModel()), images=[IMAGE])
    found.explanation.save(tmp_path / "by-hand")
    assert sys.modules[made].seen == ["interp_after_save"]
    other, registry = hooked(package, ["interp_after_save"], "1 / 0")
    found = run(Request(method="learner"), Session(registry, ToyModel()), images=[IMAGE])
    with pytest.warns(UserWarning, match=f"{other} failed in interp_after_save"):
        place = found.explanation.save(tmp_path / "again")
    assert open_bundle(place, registry)[1].evidence


def test_a_hook_that_is_declared_and_missing_is_a_note(package):
    made = package(METHOD, f"{ENTRY}\nhooks: [{{package: NAME, hook: interp_after_run}}]\n")
    registry = Registry.load([Path(find_spec(made).origin).parent / "registry.yaml"])
    found = run(Request(method="learner"), Session(registry, ToyModel()), images=[IMAGE])
    expected = f"{made} declares interp_after_run, but has no function of that name"
    assert expected in found.explanation.notes


def test_types_of_all_hooks_can_be_asked_for():
    for name, each in vars(hookspecs).items():
        if name.startswith("interp_"):
            hints = typing.get_type_hints(each)
            assert typing.Any not in hints.values() and "return" in hints
    assert typing.get_type_hints(hookspecs.interp_after_compare)["comparison"] is Comparison


MISSING = (
    "INTERP_LOG=diary needs the package no_such_package, which is not installed; "
    "pip install 'no_such_package'"
)
LOGGER = "hooks: [{package: NAME, hook: interp_after_save, log: diary, needs: PACKAGE}]"


@pytest.fixture
def diary(package):
    """A logger called diary, which needs a package."""

    def add(needs: str = "json") -> tuple[str, Registry]:
        code = METHOD + (
            "\n    @hookimpl\n    def interp_after_save(folder, result):\n"
            "        seen.append(folder.name)\n"
        )
        made = package(code, f"{ENTRY}\n{LOGGER.replace('PACKAGE', needs)}\n")
        return made, Registry.load([Path(find_spec(made).origin).parent / "registry.yaml"])

    return add


def test_a_logger_is_called_where_it_is_asked_for_alone(diary, tmp_path, monkeypatch):
    made, registry = diary()
    assert loggers(registry)["diary"] == made
    monkeypatch.delenv("INTERP_LOG", raising=False)
    everything(registry, tmp_path / "off")
    assert sys.modules[made].seen == []
    monkeypatch.setenv("INTERP_LOG", "diary:anywhere")
    everything(registry, tmp_path / "on")
    assert sys.modules[made].seen == ["run", "compare", "evaluate", "fit"]


@pytest.mark.parametrize(
    ("asked", "needs", "line"),
    [
        ("dairy", "json", "INTERP_LOG: found no logger 'dairy'; did you mean 'diary'?"),
        ("diary", "no_such_package", MISSING),
    ],
)
def test_a_logger_that_is_not_there_is_told_before_any_work(
    diary, tmp_path, monkeypatch, asked, needs, line
):
    _, registry = diary(needs)
    monkeypatch.setenv("INTERP_LOG", asked)
    with pytest.raises(InputError) as caught:
        everything(registry, tmp_path)
    assert str(caught.value) == line and not any(tmp_path.glob("run*"))


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_without_its_package_a_shipped_logger_names_the_extra(name, tmp_path, monkeypatch, capsys):
    from interp.registry import hook

    real = find_spec
    monkeypatch.setattr(hook, "find_spec", lambda each: None if each == name else real(each))
    monkeypatch.setenv("INTERP_LOG", name)
    assert main(["run", "--plugin", "centre", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"error: INTERP_LOG={name} needs the package {name}, which is not installed; pip install "
        f"'interp[{name}]'\n"
    )
    assert not (tmp_path / "out").exists()


def learned(registry: Registry, tmp_path: Path) -> None:
    """A run and an evaluation, saved."""
    session = Session(registry, ToyModel())
    request = Request(method="rise", budget=Budget(samples=50), targets=("1",), seed=7)
    run(request, session, images=[IMAGE], names=["photo"], out=tmp_path / "first")
    methods, metrics = (Choice(name="centre"),), (Choice(name="deletion"),)
    evaluate(
        EvaluationRequest(methods=methods, metrics=metrics, baselines=(), target="predicted"),
        session,
        dataset=ImageArrays([IMAGE], ["one"]),
        out=tmp_path / "second",
    )


def test_mlflow_holds_parameters_metrics_pictures_and_folder(registry, tmp_path, monkeypatch):
    if find_spec("mlflow") is None:
        pytest.skip("needs mlflow-skinny: pip install -e '.[dev]'")
    monkeypatch.setenv("INTERP_LOG", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learned(registry, tmp_path)
        import mlflow

        found = mlflow.search_runs(output_format="list", order_by=["start_time"])
    first, second = sorted(found, key=lambda each: each.info.run_name)
    assert (first.info.run_name, second.info.run_name) == ("first", "second")
    assert first.data.params["method"] == "rise" and first.data.params["seed"] == "7"
    assert first.data.params["targets"] == "bee" and first.data.metrics["samples"] == 50
    home = Path(mlflow.artifacts.download_artifacts(run_id=first.info.run_id))
    assert open_bundle(home / "result")[1].provenance.image_names == ("photo",)
    assert {"image-0.png"} < {each.name for each in (home / "pictures").iterdir()}
    mean = open_evaluation(tmp_path / "second").table["deletion"]["centre"].mean.value
    assert second.data.metrics["deletion/centre"] == pytest.approx(mean)
    assert second.data.tags["interp.kind"] == "evaluation"


def test_tensorboard_holds_pictures_scalars_and_the_request(registry, tmp_path, monkeypatch):
    if find_spec("tensorboard") is None:
        pytest.skip("needs tensorboard: pip install -e '.[dev]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("INTERP_LOG", f"tensorboard:{tmp_path / 'board'}")
    learned(registry, tmp_path)
    read = EventAccumulator(str(tmp_path / "board/first"))
    read.Reload()
    assert "image-0" in read.Tags()["images"] and len(read.Tags()["images"]) == 2
    (samples,) = read.Scalars("samples")
    assert samples.value == 50
    text = read.Tensors("request/text_summary")[0].tensor_proto.string_val[0].decode()
    assert json.loads(text)["seed"] == 7
    run(Request(method="centre"), Session(registry, ToyModel()), images=[IMAGE],
        out=tmp_path / "more/first")  # fmt: skip
    assert sorted(each.name for each in (tmp_path / "board").iterdir()) == [
        *("first", "first-1", "second"),
    ]
