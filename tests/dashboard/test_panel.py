"""Panels of third parties: their pages appear, and a package that fails takes none with it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from interp.registry import Registry
from interp_dashboard.page.panel import panels

GOOD = """
    from interp.hookspecs import hookimpl

    @hookimpl
    def interp_panels():
        return {"Greeting": greet}

    def greet(comparison):
        import streamlit as st
        st.write(f"hello, {comparison}")
"""
BAD = """
    from interp.hookspecs import hookimpl

    @hookimpl
    def interp_panels():
        raise ValueError("torn")
"""
REGISTRY = """
    hooks:
      - {package: NAME, hook: interp_panels, names: [PANEL]}
"""


def script(title, panel):
    from interp_dashboard.page.panel import page_of

    page_of(title, panel)()


def opened(title, panel):
    return AppTest.from_function(script, args=(title, panel)).run()


def test_a_panel_draws_itself_and_a_failing_one_says_so(package):
    package(GOOD, REGISTRY.replace("PANEL", "greeting"), installed=True)
    package(BAD, REGISTRY.replace("PANEL", "torn-panel"), installed=True)
    found = panels(Registry.load())
    assert set(found) == {"Greeting", "torn-panel"}

    assert opened("Greeting", found["Greeting"]).markdown[0].value == "hello, None"
    assert "ValueError: torn" in opened("torn-panel", found["torn-panel"]).error[0].value


def test_a_panel_that_fails_while_it_draws_is_named():
    page = opened("Ratio", lambda comparison: 1 / 0)
    assert not page.exception
    assert "panel Ratio failed: ZeroDivisionError" in page.error[0].value


def test_the_application_opens_with_third_party_pages(package, started):
    package(GOOD, REGISTRY.replace("PANEL", "greeting"), installed=True)
    started()
    from pathlib import Path

    import interp_dashboard

    app = Path(interp_dashboard.__file__).with_name("app.py")
    opened = AppTest.from_file(str(app), default_timeout=60).run()
    assert not opened.exception
    assert opened.title[0].value == "What made the network say so?"
