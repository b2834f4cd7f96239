"""Methods: everything registered, third parties' included, each with its picture of a sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from interp.cli.flags import default_model
from interp.context import Budget
from interp.errors import Cancelled, InterpError, blamed
from interp.evidence import Tile
from interp.explanation import Explanation
from interp.manifest import MethodEntry
from interp.method import Style
from interp.registry import Registry
from interp.request import Request
from interp.run import explain
from interp.shown import full_colour, shown
from interp_dashboard.choice.method import QUESTIONS
from interp_dashboard.job import Work
from interp_dashboard.model import to_explain
from interp_dashboard.session import registry, session
from interp_dashboard.view import drawn
from interp_dashboard.watch import watch

JOB = "thumbnails"
SAMPLE, SAMPLES, WIDTH = "two", 500, 240
THUMBS: dict[tuple[Registry, str], np.ndarray | str] = {}
"""(registry, method) -> its picture, or why there is none; of a sample, so the same for all."""
ACROSS = 4


def page() -> None:
    """A card for each method."""
    known = registry()
    st.title("Methods")
    st.write(
        "Each asks the network another question. The pictures are quick ones, with few samples, "
        "of the sample image with two creatures, for the network's first answer."
    )
    for each in known.broken:
        st.error(f"The package {each.package} cannot be used: {each.reason}")
    entries = [each for each in known.entries("method") if isinstance(each, MethodEntry)]
    _draw(known, entries)
    for answer, question in QUESTIONS.items():
        alike = [each for each in entries if each.answers == answer]
        if alike:
            st.header(question)
            _cards(known, alike)


def _draw(known: Registry, entries: list[MethodEntry]) -> None:
    """Draw in the background what is missing."""
    mine = session()
    missing = [each.name for each in entries if (known, each.name) not in THUMBS]
    job = mine.jobs.get(JOB)
    if not missing:
        return
    if not any(each.running for each in mine.jobs.values()):
        job = mine.start(JOB, thumbnails(known, missing))
    if job is not None and job.running:
        watch(job, cancel=False)
    else:
        st.caption("Some pictures are missing: they are drawn when your run has ended.")


def _cards(known: Registry, entries: list[MethodEntry]) -> None:
    for begin in range(0, len(entries), ACROSS):
        row = entries[begin : begin + ACROSS]
        for column, each in zip(st.columns(ACROSS), row, strict=False):
            with column.container(border=True):
                _card(each, THUMBS.get((known, each.name)))


def _card(entry: MethodEntry, thumb: np.ndarray | str | None) -> None:
    st.subheader(entry.name)
    if isinstance(thumb, str):
        st.warning(thumb)
    elif thumb is not None:
        st.image(thumb, caption=f"{entry.name} on the sample")
    st.write(entry.summary)
    paper = entry.paper
    if paper is not None:
        place = f"{paper.venue} {paper.year}"
        title = f"[{paper.title}](https://doi.org/{paper.doi})" if paper.doi else paper.title
        st.caption(f"{title}, {place}")
    st.caption(f"Needs {', '.join(entry.needs)}. From {entry.package}.")


def thumbnails(known: Registry, names: list[str]) -> Work:
    """Draw each method's picture into THUMBS, one after another."""

    def work(progress: Any, cancelled: Any) -> Iterator[int]:
        memory: dict[str, Any] = {}
        for number, name in enumerate(names):
            progress("pictures of the sample", number, len(names))
            try:
                with blamed(name):
                    found = _explained(known, name, memory, cancelled)
                    THUMBS[known, name] = _thumb(known, found)
            except Cancelled:
                raise
            except InterpError as error:
                THUMBS[known, name] = str(error)
            yield number

    return work


def _explained(known: Registry, name: str, memory: dict[str, Any], cancelled: Any) -> Explanation:
    request = Request(
        method=name,
        model=default_model(known, name),
        images=(SAMPLE,),
        budget=Budget(samples=SAMPLES),
    )
    model = to_explain(known, request.model)
    return explain(request, registry=known, model=model, memory=memory, cancelled=cancelled)


def _thumb(known: Registry, found: Explanation) -> np.ndarray:
    """Its map over the sample; of a method without one, the first thing that it shows."""
    made = found.provenance
    standing = shown(found, made.targets if made else ())
    if not standing:
        return drawn(known, found.evidence[0], found.images[0])
    values = next(iter(standing.values())).map()
    full = full_colour(standing.values())
    share = np.zeros(1) if values is None else np.clip(values / (full or 1.0), -1, 1)
    tile = Tile(name="tile", values=share.astype(np.float32))
    picture: np.ndarray = known.renderer(Tile.kind).render(
        tile, found.images[0], Style(width=WIDTH)
    )
    return picture
