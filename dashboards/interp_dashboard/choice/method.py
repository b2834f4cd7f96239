"""Choosing methods and their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from interp.errors import InterpError
from interp.params import Params
from interp.registry.manifest import MethodEntry
from interp.request import Choice
from interp.spec import Capability
from interp_dashboard.choice.one import choose_knowledge
from interp_dashboard.form import form
from interp_dashboard.session import registry

ACROSS = 3
QUESTIONS = {
    "where": "Where in the image?",
    "which channels": "Which channels of a layer?",
    "which path": "Which path through the network?",
    "which parts": "Which parts of the object?",
}


def choose_methods(given: Sequence[Choice], offers: frozenset[Capability]) -> tuple[Choice, ...]:
    """Ticked methods with the parameters that differ from their defaults."""
    said = {each.name: each.params for each in given}
    ticked = _tick(said, offers)
    if not ticked:
        return ()
    st.caption("What each does: the question marks, or the page Methods.")
    with st.expander("Parameters"):
        tabs = st.tabs(ticked)
        return tuple(
            _parametrised(tab, name, said.get(name, {}))
            for tab, name in zip(tabs, ticked, strict=True)
        )


def _tick(said: dict[str, dict[str, Any]], offers: frozenset[Capability]) -> list[str]:
    ticked = []
    entries = [each for each in registry().entries("method") if isinstance(each, MethodEntry)]
    for answer, question in QUESTIONS.items():
        alike = [each for each in entries if each.answers == answer]
        if alike:
            st.markdown(f"**{question}**")
        for begin in range(0, len(alike), ACROSS):  # row by row, so that a phone keeps the order
            for column, each in zip(st.columns(ACROSS), alike[begin:], strict=False):
                missing = sorted(_needs(each) - offers)
                if _box(column, each, each.name in said, missing):
                    ticked.append(each.name)
    return ticked


def _needs(entry: MethodEntry) -> set[Capability]:
    """What a method needs; nothing is known of one whose package fails, which is said below."""
    try:
        return set(registry().complete(entry).needs or ())
    except InterpError:
        return set()


def _box(column: Any, each: MethodEntry, given: bool, missing: Sequence[str]) -> bool:
    """A method's checkbox; whether it is ticked and can run."""
    words = each.summary + (f". Needs {', '.join(missing)}" if missing else "")
    ticked: bool = column.checkbox(
        each.name, given, key=f"tick {each.name}", disabled=bool(missing), help=words
    )
    return ticked and not missing


def _parametrised(tab: Any, name: str, given: dict[str, Any]) -> Choice:
    with tab:
        try:
            kind: type[Params] = registry().get("method", name).Params
            params = form(kind, name, given)
            return Choice(name=name, params=params, knowledge=choose_knowledge(name, "compare"))
        except InterpError as error:
            st.error(str(error))
            return Choice(name=name, params=given)
