"""Methods: everything registered, third parties' included, each with its picture of a sample."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import numpy as np
import streamlit as st

from interp.cli.flags import default_model
from interp.context import Budget
from interp.errors import Cancelled, InterpError, blamed
from interp.evidence import Tile
from interp.explanation import Explanation
from interp.memory import Memory
from interp.method import Style
from interp.opening.images import image_path
from interp.registry import Registry
from interp.registry.manifest import AdapterEntry, MethodEntry, Paper
from interp.request import Request
from interp.result.draw import full_colour, shown
from interp.run import run
from interp.session import Session
from interp.storage.image import open_image
from interp_dashboard.choice.method import QUESTIONS
from interp_dashboard.job import Job, Work
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
    words, image = st.columns([4, 1])
    words.write(
        "Each asks the network another question. The pictures are quick ones, with few samples, "
        "of the image shown here, for the network's first answer: red speaks for it, blue against "
        "it. Where a method is listed but its package fails, its card says why."
    )
    sample = open_image(image_path(known, SAMPLE))
    image.image(sample, "the sample image", WIDTH // 2, alt="two creatures of different classes")
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
        st.caption(f"No picture: {thumb}")
    elif thumb is not None:
        st.image(thumb, width="stretch", alt=f"{entry.name} on the sample")
    st.write(entry.summary)
    if entry.paper is not None:
        st.caption(_cited(entry.paper))
    st.caption(f"{_openers(entry)}: it needs {', '.join(entry.needs)}. From {entry.package}.")


def _cited(paper: Paper) -> str:
    """The title, as a link to where it is or to a search for it; where and when."""
    doi, title = f"https://doi.org/{paper.doi}", quote_plus(paper.title)
    link = doi if paper.doi else f"https://scholar.google.com/scholar?q={title}"
    return f"[{paper.title}]({link}), {paper.venue} {paper.year}"


def _openers(entry: MethodEntry) -> str:
    """`For torch and onnx models`: adapters whose models offer what the method needs."""
    able = [
        each.name
        for each in registry().entries("adapter")
        if isinstance(each, AdapterEntry) and set(entry.needs) <= set(each.offers)
    ]
    return f"For {' and '.join(able)} models" if able else "No installed adapter offers it"


def thumbnails(known: Registry, names: list[str]) -> Work:
    """Draw each method's picture into THUMBS, one after another."""

    def work(job: Job) -> None:
        memory = Memory()
        for number, name in enumerate(names):
            job.tell("pictures of the sample", number, len(names))
            try:
                with blamed(name):
                    found = _explained(known, name, memory, job.cancelled)
                    THUMBS[known, name] = _thumb(known, found)
            except Cancelled:
                raise
            except InterpError as error:
                THUMBS[known, name] = str(error)
            job.show(number)
            job.rest()

    return work


def _explained(known: Registry, name: str, memory: Memory, cancelled: Any) -> Explanation:
    request = Request(
        method=name,
        model=default_model(known, name),
        images=(SAMPLE,),
        budget=Budget(samples=SAMPLES),
    )
    session = Session(known, to_explain(known, request.model), cancelled=cancelled, memory=memory)
    return run(request, session).explanation


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
