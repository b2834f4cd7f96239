"""Packages of every kind beside the wheel, without the checkout: checked, and met on every face."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import save
from support.fresh import Fresh
from support.onnx_file import mean_colour

FOLDERS = sorted(each.parent for each in Path(__file__).parent.glob("*/pyproject.toml"))
METHODS = ("quarters", "towards", "ring-weights", "half-cells", "cell-slopes")
COLOURS = {"red": [0.6, 0.45, 0.45], "green": [0.45, 0.6, 0.45], "blue": [0.45, 0.45, 0.6]}
MODELS = ("creatures-vgg", "colour.onnx", "own.colours.json")
pytestmark = pytest.mark.slow

Interp = Callable[..., Any]
"""`interp WORDS --json` -> what it printed; each call is a new process."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Fresh:
    """All packages, installed; an ONNX file and one of the packages' own format beside them."""
    made = Fresh.build(tmp_path_factory.mktemp("packages"))
    made.install(*FOLDERS)
    (made.folder / "own.colours.json").write_text(json.dumps(COLOURS))
    (made.folder / "classes.txt").write_text("\n".join(COLOURS))
    save(mean_colour(), made.folder / "colour.onnx")
    return made


@pytest.fixture(scope="module")
def interp(fresh) -> Interp:
    """Each command runs in a new process."""
    return lambda *words, **env: json.loads(fresh.run("interp", *words, "--json", **env))


def test_no_file_of_the_checkout_is_seen(fresh):
    where = fresh.script(
        "import interp, interp_torch; print(interp.__file__, interp_torch.__file__)"
    )
    assert all(each.startswith(str(fresh.folder)) for each in where.split())


def test_all_are_listed(interp):
    listed = interp("list")
    assert listed["broken"] == []
    rows = [*listed["entries"], *listed["hooks"]]
    assert {each.name for each in FOLDERS} <= {each["package"] for each in rows}


@pytest.mark.parametrize("package", [each.name for each in FOLDERS])
def test_each_is_checked(package, interp):
    findings = interp("check", "--package", package, "--samples", 200)["findings"]
    assert findings
    assert [each for each in findings if each["claimed"] and each["outcome"] == "fail"] == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_each_method_runs_on_every_model_and_comes_out_the_same_later(method, model, interp, fresh):
    out = fresh.folder / f"{method}-{model}"
    found = interp("run", "--plugin", method, "--model", model, "--budget", 64, "--out", out)
    assert found["method"] == method
    (picture,) = found["pictures"]
    assert Path(picture).is_file()
    assert interp("rerun", out)["same"]


def test_a_comparison_has_all_of_them_in_its_report(interp, fresh):
    out = fresh.folder / "both"
    names = ",".join((*METHODS, "gradcam"))
    found = interp("compare", "--plugins", names, "--image", "two", "--budget", 64, "--out", out)
    outcomes = found["images"][0]["outcomes"]
    assert [each["error"] for each in outcomes] == [None] * (len(METHODS) + 1)
    page = (out / "report.html").read_text("utf-8")
    assert all(each in page for each in METHODS)
    assert interp("rerun", out)["same"]
    opened = fresh.script(
        "import interp; found = interp.load('both/00000-two/towards')\n"
        "print(*(each.kind for each in found.evidence))"
    )
    assert opened.split() == ["arrow"]


def test_a_table_has_them_on_the_packages_data_metric_and_model(interp):
    words = ("--data", "stripes", "--limit", 6, "--metrics", "centred,energy-mask")
    methods = [each for each in METHODS if each != "towards"]
    for model in (("colour.onnx", "--classes", "classes.txt"), ("own.colours.json",)):
        found = interp("evaluate", "--plugins", ",".join(methods), "--model", *model, *words)
        assert {found["table"]["centred"][each]["images"] for each in methods} == {6}


def test_their_files_of_images_are_read_where_a_folder_may_stand(interp, fresh):
    file = fresh.folder / "six.swatches"
    file.write_text("red 160 110 110\ngreen 110 160 110\nblue 110 110 160\n" * 2)
    words = ("--plugins", "quarters,rise", "--model", "own.colours.json", "--budget", 64)
    table = interp("evaluate", *words, "--data", file, "--metrics", "centred,deletion")["table"]
    assert table["centred"]["quarters"]["images"] == 6
    compared = interp("compare", *words, "--data", file, "--limit", 2)
    assert [each["prediction"]["classes"][0] for each in compared["images"]] == ["red", "green"]


def test_the_attack_and_the_builder_are_found_by_name(fresh):
    found = fresh.script(
        "from interp.registry import Registry; known = Registry.load()\n"
        "print(*(known.get(kind, 'darken').__name__ for kind in ('attack', 'builder')))"
    )
    assert found.split() == ["Darken", "build"]


def test_the_hook_writes_its_journal(interp, fresh):
    file = fresh.folder / "journal"
    interp("run", "--plugin", "quarters", "--image", "two", INTERP_JOURNAL=str(file))
    assert json.loads(file.read_text()) == ["quarters", "creatures-vgg", 1]


def test_the_command_is_there(fresh):
    assert fresh.run("interp", "peak", "--method", "quarters").startswith("sample: x ")
    assert "peak" in fresh.run("interp", "--help")


VISIT = """
import json
from streamlit.testing.v1 import AppTest

def words(page):
    wrong = [each.value for each in [*page.error, *page.exception]]
    assert not wrong, wrong
    kinds = (page.markdown, page.caption, page.subheader, page.info, page.title)
    return " ".join(str(each.value) for kind in kinds for each in kind)

methods = METHODS
compare = AppTest.from_string(
    "from interp_dashboard.page.compare import page\\npage()\\n", default_timeout=300
)
compare.query_params["method"] = [*methods, "gradcam"]
compare.run()
next(each for each in compare.button if each.label == "Run").click().run()
from interp_dashboard.session import KEY
job = compare.session_state[KEY].jobs["compare"]
assert job.wait(300)
compare.run()
found = job.result
assert all(each.error is None for each in found.records[0].outcomes)
text = words(compare)
from interp.registry import Registry
from interp_dashboard.page.panel import panels
registry = Registry.load()
assert "peaks" in panels(registry), list(panels(registry))
from interp_dashboard.map_view import maps
tiles = maps(registry, found, 0, found.records[0].targets[0])
assert [each.error for each in tiles] == [None] * (len(methods) + 1)
print(json.dumps([each.method for each in tiles]))
"""


def test_the_dashboard_draws_them_and_has_the_panel(fresh):
    drawn = fresh.script(VISIT.replace("METHODS", repr(METHODS)))
    assert sorted(json.loads(drawn)) == sorted([*METHODS, "gradcam"])
