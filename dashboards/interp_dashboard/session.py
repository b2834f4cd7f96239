"""One visitor's uploads, results and jobs, which outlive the page, and what all visitors share."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Lock
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from interp.registry import Registry
from interp.storage.pixel import LoadedImage
from interp_dashboard.job import Job, Work
from interp_dashboard.setting import ENVIRONMENT, Setting

KEY, NAME = "interp session", "session"
"""Where a page holds its session, and its name in the address."""
KEPT = 2 * 3600.0
"""Seconds for which a session is kept after its last page was closed."""
EMPTY_KEPT = 600.0
"""The same, of a session that holds nothing."""
MOST_KEPT = 30
"""Sessions without a page that are kept at a time."""
COOKIE = "_streamlit_xsrf"
"""The browser's own: who is sent an address with a session's name has another one."""
SHARED = "thumbnails"
"""The job that draws pictures for all visitors."""
MOST = 20
"""Results of a visitor that are kept at a time."""


@dataclass(eq=False)
class VisitorSession:
    """What no other visitor sees; its folder is removed when the session ends.

    It belongs to its name in the address and to a browser, and is kept for KEPT seconds.
    """

    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    browser: str | None = None
    pages: set[str] = field(default_factory=set)
    """Open pages, by streamlit's names."""
    seen: float = field(default_factory=time.monotonic)
    """When a page was last open."""
    selection: Any = None
    """What is chosen on the page Compare, and the address of its last run."""
    address: dict[str, list[str]] = field(default_factory=dict)
    tour: int = -1
    """The step of the tour that the visitor is at; -1 while it is offered."""
    home: Any = field(default_factory=lambda: tempfile.TemporaryDirectory(prefix="interp-"))
    models: dict[str, Path] = field(default_factory=dict)
    told: dict[str, Hashable] = field(default_factory=dict)
    """What was said about each uploaded model, so that the file is opened again only for more."""
    images: dict[str, LoadedImage] = field(default_factory=dict)
    opened: dict[str, LoadedImage] = field(default_factory=dict)
    """Images of data sets that were opened from another page."""
    taken: set[str] = field(default_factory=set)
    """Uploaded image files that were read."""
    jobs: dict[str, Job] = field(default_factory=dict)
    drawn: dict[Any, Any] = field(default_factory=dict)
    """Maps that are on the page, so that they are drawn once."""

    @property
    def folder(self) -> Path:
        """The folder of the visitor's results."""
        return Path(self.home.name)

    def start(self, name: str, work: Work) -> Job:
        """Start a job and stop the one that works for this visitor now."""
        self.stop()
        self.drawn.clear()
        self.jobs[name] = Job(work, self.watched).start()
        return self.jobs[name]

    def runs(self) -> Path:
        """The folder of the visitor's runs; the oldest of too many are removed."""
        place = self.folder / "runs"
        place.mkdir(exist_ok=True)
        shown = (each for each in place.iterdir() if not each.name.startswith("."))
        found = sorted(shown, key=lambda each: each.stat().st_mtime)
        for each in found[:-MOST]:
            shutil.rmtree(each)
        return place

    def learned(self) -> Path:
        """The folder of what methods learned of the visitor's own models."""
        return self.folder / "learned"

    def stop(self) -> None:
        """Stop every job of this visitor."""
        for each in self.jobs.values():
            if each.running:
                each.stop()

    def watched(self) -> bool:
        """Whether a page of the session is open; outside a server always."""
        from streamlit import runtime

        if not runtime.exists():
            return True
        running = runtime.get_instance()
        self.pages = {each for each in self.pages if running.is_active_session(each)}
        if self.pages:
            self.seen = time.monotonic()
        return bool(self.pages)

    def content(self) -> str:
        """`2 results, 1 image`; empty where nothing would be lost."""
        jobs = [each for name, each in self.jobs.items() if name != SHARED]
        counts = {
            "result": sum(each.result is not None for each in jobs),
            "run at work": sum(each.running for each in jobs),
            "model": len(self.models),
            "image": len(self.images),
        }
        return ", ".join(f"{n} {what}{'s' * (n > 1)}" for what, n in counts.items() if n)

    def end(self) -> None:
        """Stop the jobs and remove the folder."""
        self.stop()
        self.home.cleanup()


SESSIONS: dict[str, VisitorSession] = {}
"""The sessions that are kept, by name."""
LOCK = Lock()


def is_own(source: str) -> bool:
    """Whether a model is one that the present visitor brought."""
    return Path(source).is_relative_to(session().folder)


def session() -> VisitorSession:
    """The session of the present visitor: the one that the address names, or a new one."""
    if KEY not in st.session_state or st.session_state[KEY].name not in SESSIONS:
        end_old_sessions()
        kept = SESSIONS.get(st.query_params.get(NAME, ""))
        own = kept is not None and kept.browser == _browser()
        keep(kept if own and kept is not None else VisitorSession(browser=_browser()))
    found: VisitorSession = st.session_state[KEY]
    if st.query_params.get(NAME) != found.name:
        st.query_params[NAME] = found.name
    return found


def keep(mine: VisitorSession) -> None:
    """Let the present page belong to a session."""
    with LOCK:
        SESSIONS[mine.name] = mine
    st.session_state[KEY] = mine
    context = get_script_run_ctx()
    if context is not None:
        mine.pages.add(context.session_id)


def without_paths(text: object) -> str:
    """A message without where files lie on this machine, which is no visitor's business."""
    folders = (session().folder, setting().runs, setting().models, setting().images)
    inner = r"(?:models/(?:[0-9a-f]{16}/){2}|runs/)?"
    found = str(text)
    for each in filter(None, folders):
        found = re.sub(re.escape(f"{each.absolute()}/") + inner, "", found)
    return found


def left_behind() -> list[VisitorSession]:
    """Sessions of the present browser that no page shows and that hold something, newest first."""
    mine, browser = session(), _browser()
    found = [
        each
        for each in SESSIONS.values()
        if each is not mine and browser is not None and each.browser == browser
    ]
    away = [each for each in found if each.content() and not each.watched()]
    return sorted(away, key=lambda each: each.seen, reverse=True)


def end_old_sessions() -> None:
    """End sessions that had no page for KEPT seconds, and the oldest of too many without one."""
    with LOCK:
        away = sorted((e for e in SESSIONS.values() if not e.watched()), key=lambda e: e.seen)
        limit = time.monotonic() - KEPT
        empty = time.monotonic() - EMPTY_KEPT
        late = [e for e in away if e.seen < (limit if e.content() else empty)]
        rest = [each for each in away if each not in late]
        for each in [*late, *rest[: max(0, len(rest) - MOST_KEPT)]]:
            del SESSIONS[each.name]
            each.end()


def _browser() -> str | None:
    """The token in the browser's cookie; None where it has none."""
    return token(st.context.cookies.get(COOKIE, ""))


def token(cookie: str) -> str | None:
    """The token of `2|MASK|MASKED TOKEN|TIME`, whose mask is another one at each load of a page."""
    try:
        _, mask, masked, _ = cookie.split("|")
        key = bytes.fromhex(mask)
        pairs = zip(bytes.fromhex(masked), cycle(key), strict=False)
        return bytes(one ^ two for one, two in pairs).hex() or None
    except ValueError:
        return None


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The registry, loaded once for all visitors."""
    return Registry.load(setting().registry)


@st.cache_resource(show_spinner=False)
def setting() -> Setting:
    """The settings that the dashboard was started with."""
    return Setting.model_validate_json(os.environ.get(ENVIRONMENT, "{}"))
