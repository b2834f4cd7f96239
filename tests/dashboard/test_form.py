"""Forms made of Params: nothing said where nothing is touched, and what is said is checked."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field
from streamlit.testing.v1 import AppTest

from interp.opening.named import open_method
from interp.params import Params
from interp.registry import Registry
from interp.registry.parameter import parameters

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
