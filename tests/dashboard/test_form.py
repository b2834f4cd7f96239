"""Forms made of Params: nothing said where nothing is touched, and what is said is checked."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field
from streamlit.testing.v1 import AppTest

from interp.opening.named import open_method
from interp.opening.source import open_model
from interp.params import Params
from interp.registry import Registry
from interp.registry.parameter import parameters
from interp.spec import Layer, ModelOptions
from interp_dashboard.choice.layer import stages

METHODS = [each.name for each in Registry.load().entries("method")]


class Everything(Params):
    """One parameter of each type."""

    count: int = Field(3, ge=1, description="how many")
    maybe: int | None = Field(None, description="or none")
    share: float = Field(1e-7, gt=0, description="how much")
    on: bool = Field(True, description="whether")
    way: Literal["a", "b"] = Field("a", description="which")
    some_way: Literal["a", "b"] | None = Field(None, description="which, if any")
    names: tuple[str, ...] = Field((), description="listed")
    mixed: Annotated[float, Field(gt=0)] | Literal["uniform"] = Field("uniform", description="x")


def script(kind, given):
    import streamlit as st

    from interp_dashboard.form import form

    st.session_state["said"] = form(kind, "m", given)


def opened(kind, given=None):
    return AppTest.from_function(script, args=(kind, given or {}), default_timeout=30).run()


@pytest.mark.parametrize("name", METHODS)
def test_an_untouched_form_says_nothing(name):
    page = opened(Registry.load().get("method", name).Params)
    assert not page.exception
    assert page.session_state["said"] == {}


def test_every_type_has_its_widget_and_its_value():
    page = opened(Everything)
    assert page.session_state["said"] == {}
    page.number_input(key="m.count").set_value(5)
    page.number_input(key="m.maybe").set_value(2)
    page.number_input(key="m.share").set_value(0.25)
    page.checkbox(key="m.on").set_value(False)
    page.selectbox(key="m.way").set_value("b")
    page.selectbox(key="m.some_way").set_value("a")
    page.text_input(key="m.names").set_value("[x, y]")
    page.text_input(key="m.mixed").set_value("0.5")
    said = page.run().session_state["said"]
    assert said == {
        "count": 5,
        "maybe": 2,
        "share": 0.25,
        "on": False,
        "way": "b",
        "some_way": "a",
        "names": ["x", "y"],
        "mixed": 0.5,
    }
    assert Everything.model_validate(said).names == ("x", "y")


def test_given_values_are_shown():
    given = {"count": 9, "names": ["x"], "mixed": 0.5, "maybe": 4, "on": False, "way": "b"}
    page = opened(Everything, given)
    assert page.session_state["said"] == given
    assert "how many. >= 1" in page.number_input(key="m.count").help.replace("\\", "")


def test_what_is_said_is_what_methods_take():
    page = opened(Registry.load().get("method", "mint").Params)
    page.number_input(key="m.regions").set_value(2).run()
    assert open_method(Registry.load(), "mint", page.session_state["said"]).params.regions == 2


@pytest.mark.parametrize("name", METHODS)
def test_no_form_names_a_file_or_a_device(name):
    """A visitor's value of such a parameter, as in an address, is not taken either."""
    kind = Registry.load().get("method", name).Params
    found = parameters(kind)
    local = {each.name for each in found if each.local}
    files = {each.name for each in found if each.name == "concepts" and "string" in each.type}
    assert local >= files | {"devices"} & set(kind.model_fields)
    page = opened(kind, dict.fromkeys(local, "/etc/passwd"))
    assert not page.exception
    assert page.session_state["said"] == {}
    labels = {each.label for each in [*page.text_input, *page.number_input]}
    assert not labels & {each.replace("_", " ") for each in local}


@pytest.mark.parametrize("kind", ["method", "metric", "readout", "perturbation", "dataset"])
def test_every_parameter_that_names_a_file_is_marked(kind):
    """By the words that say so; a new parameter of this kind is noticed here."""
    registry = Registry.load()
    for entry in registry.entries(kind):
        found = registry.get(kind, entry.name)
        for each in parameters(found.Params) if hasattr(found, "Params") else ():
            words = f"{each.name} {each.description}".lower()
            if any(word in words for word in (" file", "folder", "devices", "module:")):
                assert each.local, f"{entry.name}.{each.name}"


LAYERS = [
    Layer(name=name, kind="Conv2d", layout="NCHW", channels=8, grid=grid, cost_after=share, cut=cut)
    for name, grid, share, cut in (
        ("stem.0", (56, 28), 0.9, "graph"),
        ("stage1.0.conv", (28, 14), 0.5, "graph"),
        ("stage1.0", (28, 14), 0.5, "graph"),
        ("stage1.1.conv", (28, 14), 0.1, "graph"),
        ("stage1", (28, 14), 0.1, "graph"),
        ("head", None, None, "none"),
    )
]


class Layered(Params):
    """Parameters that name layers, in each form that methods use."""

    layer: str | None = Field(None, description="one")
    layers: tuple[str, ...] = Field((), description="several")
    concept_layer: str | None = Field(None, description="one of its own")
    layered: str | None = Field(None, description="no layer")


def layered_script(given, layers):
    import streamlit as st
    from tests.dashboard.test_form import Layered

    from interp_dashboard.form import form

    st.session_state["said"] = form(Layered, "m", given, lambda: layers)


def layered(given, layers):
    return AppTest.from_function(layered_script, args=(given, layers), default_timeout=30).run()


def test_layers_are_picked_where_the_model_shows_them_and_typed_where_not():
    typed = {each.label for each in layered({}, []).text_input}
    assert typed == {"layer", "layers", "concept layer", "layered"}
    drawn = layered({}, LAYERS)
    assert not drawn.exception
    assert {each.label for each in drawn.text_input} == {"layered"}
    assert drawn.session_state["said"] == {}


def test_layers_that_are_given_are_picked_and_unknown_ones_are_not():
    given = {"layer": "stage1", "layers": ["stem.0", "no-such"], "concept_layer": "no-such"}
    page = layered(given, LAYERS)
    assert page.session_state["said"] == {"layer": "stage1", "layers": ["stem.0"]}


def test_the_drawing_has_every_layer_once_in_its_stage_and_block():
    drawn = stages(LAYERS)
    assert [each["name"] for each in drawn] == ["stem", "stage1", "head"]
    assert [each["side"] for each in drawn] == [1, 0.5, 0]
    assert "28 × 14 cells" in drawn[1]["about"] and "10 % of the cost after" in drawn[1]["about"]
    assert "no cells" in drawn[2]["about"] and "cost" not in drawn[2]["about"]
    names = [one["name"] for stage in drawn for block in stage["blocks"] for one in block]
    assert names == [each.name for each in LAYERS]
    assert [len(block) for block in drawn[1]["blocks"]] == [2, 1, 1]


@pytest.mark.parametrize("name", ["creatures-vgg", "creatures-vit", "creatures-decoupled"])
def test_a_real_network_is_drawn(name):
    opened_model = open_model(name, ModelOptions(device="cpu"), Registry.load())
    drawn = stages(opened_model.layers())
    names = [one["name"] for stage in drawn for block in stage["blocks"] for one in block]
    assert names == [each.name for each in opened_model.layers()]
    labels = [one["label"] for stage in drawn for block in stage["blocks"] for one in block]
    assert all(labels) and 2 <= len(drawn) < len(names) / 3
