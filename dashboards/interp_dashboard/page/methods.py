"""Methods: a card for every registered method, with its picture of a sample image."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import numpy as np
import streamlit as st

from interp.comparison.badge import line
from interp.context import Budget
from interp.errors import Cancelled, InterpError, blamed
from interp.explanation import Explanation
from interp.method import Style
from interp.opening.images import image_path
from interp.opening.named import default_model
from interp.plain_text import markdown
from interp.registry import Registry
from interp.registry.manifest import AdapterEntry, MethodEntry, Paper
from interp.report.page import trust_html
from interp.report.trust import badges
from interp.request import Request
from interp.result.draw import colour_limit, draw_evidence, map_tile, maps_by_target
from interp.run import run
from interp.session import Session
from interp.storage.image import open_image
from interp_dashboard.choice.method import methods_by_question
from interp_dashboard.job import Job, Work
from interp_dashboard.layout import grid, guarded
from interp_dashboard.model import describe, job_model
from interp_dashboard.pool import pool
from interp_dashboard.progress import show_progress
from interp_dashboard.session import SHARED as JOB
from interp_dashboard.session import registry, session, setting

SAMPLE, SAMPLES, WIDTH = "two", 500, 240
THUMBS: dict[tuple[Registry, str], np.ndarray | str] = {}
"""(registry, method) -> its picture of the sample, or why there is none; shared by visitors."""
ACROSS = 4


@guarded
def page() -> None:
    """Show a card for each method, and draw missing pictures in the background."""
    registered = registry()
    st.title("Methods")
    words, image = st.columns([4, 1])
    words.write(
        "Each method asks the network a different question. The pictures explain the image shown "
        "here, quickly and with few samples, for the network's top class: red speaks for it, blue "
        "against it. If a method's package fails, its card says why."
    )
    sample = open_image(image_path(registered, SAMPLE))
    image.image(sample, "the sample image", WIDTH // 2, alt="two creatures of different classes")
    for broken in registered.broken:
        st.error(markdown(f"The package {broken.package} cannot be used: {broken.reason}"))
    with st.expander("What the lines on trust say"):
        st.html(trust_html())
    _draw(registered)
    for question, alike in methods_by_question():
        st.header(markdown(question))
        for column, each in grid(alike, ACROSS):
            with column.container(border=True):
                _card(each, THUMBS.get((registered, each.name)))


def _draw(registered: Registry) -> None:
    mine = session()
    names = [each.name for each in registered.entries("method")]
    missing = [each for each in names if (registered, each) not in THUMBS]
    job = mine.jobs.get(JOB)
    if not missing:
        return
    if not any(each.running for each in mine.jobs.values()):
        job = mine.start(JOB, thumbnails(registered, missing))
    if job is not None and job.running:
        show_progress(job, cancel=False)
    else:
        st.caption("Some pictures are missing. They are drawn once your run has ended.")


def _card(entry: MethodEntry, thumb: np.ndarray | str | None) -> None:
    with suppress(InterpError):  # of a package that fails, the picture's place says so
        entry = registry().complete(entry)
    st.subheader(markdown(entry.name))
    if isinstance(thumb, str):
        st.caption(f"No picture: {markdown(thumb)}")
    elif thumb is not None:
        st.image(thumb, width="stretch", alt=f"{entry.name} on the sample")
    st.write(markdown(entry.summary))
    if entry.misleads is not None:
        st.caption(f"**When it misleads:** {markdown(entry.misleads)}")
    if entry.paper is not None:
        st.caption(_cited(entry.paper))
    model = default_model(registry(), entry.name)
    with suppress(InterpError):
        known = badges(registry(), describe(model).spec.fingerprint, entry.name)
        st.caption(markdown(f"On {model}: {line(known)}"))
    needs = f"{_openers(entry)}: it needs {', '.join(entry.needs)}. " if entry.needs else ""
    st.caption(markdown(f"{needs}From {entry.package}."))


def _cited(paper: Paper) -> str:
    """Title, venue and year; the title links to the DOI, or else to a search for it."""
    doi, title = f"https://doi.org/{quote(paper.doi or '', safe='/')}", quote_plus(paper.title)
    link = doi if paper.doi else f"https://scholar.google.com/scholar?q={title}"
    return f"[{markdown(paper.title)}]({link}), {markdown(paper.venue)} {paper.year}"


def _openers(entry: MethodEntry) -> str:
    """`For torch and onnx models`: the adapters whose models offer what the method needs."""
    able = [
        each.name
        for each in registry().entries("adapter")
        if isinstance(each, AdapterEntry) and set(entry.needs or ()) <= set(each.offers)
    ]
    return f"For {' and '.join(able)} models" if able else "No installed adapter offers it"


def thumbnails(registered: Registry, names: list[str]) -> Work:
    """Work that draws each method's picture into THUMBS, one after another."""

    def work(job: Job) -> None:
        for number, name in enumerate(names):
            job.pace.update("pictures of the sample", number, len(names))
            draw = Thumbnail(name)
            pooled = setting().workers > 0
            THUMBS[registered, name] = pool().do(draw, job, False) if pooled else draw(job)
            job.show(number)
            job.rest()

    return work


@dataclass(frozen=True)
class Thumbnail:
    """Task: a method's picture of the sample, or why there is none."""

    method: str

    def __call__(self, job: Job) -> np.ndarray | str:
        """The picture, (h, w, 3) uint8, or a line of text."""
        registered, budget = registry(), Budget(samples=SAMPLES)
        source = default_model(registered, self.method)
        request = Request(method=self.method, model=source, images=(SAMPLE,), budget=budget)
        try:
            with blamed(self.method):
                session = Session(registered, job_model(source), cancelled=job.cancelled)
                return _thumb(registered, run(request, session).explanation)
        except Cancelled:
            raise
        except InterpError as error:
            return str(error)


def _thumb(registered: Registry, found: Explanation) -> np.ndarray:
    """The method's map over the sample; for a method without a map, its first evidence."""
    made, image = found.provenance, found.images[0]
    maps = maps_by_target(found, made.targets if made else ())
    if not maps:
        return draw_evidence(registered, found.evidence[0], image)
    tile = map_tile(found.map(next(iter(maps))), colour_limit(maps.values()))
    return draw_evidence(registered, tile, image, Style(width=WIDTH))
