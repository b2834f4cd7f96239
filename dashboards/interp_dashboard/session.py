"""One visitor's uploads, results and jobs, and what all visitors share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from interp.registry import Registry
from interp.storage.pixel import LoadedImage
from interp_dashboard.job import Job, Work
from interp_dashboard.setting import ENVIRONMENT, Setting

KEY = "interp session"
MOST = 20
"""Results of a visitor that are kept at a time."""


@dataclass(eq=False)
class VisitorSession:
    """What no other visitor sees; its folder is removed when the session ends."""

    home: Any = field(default_factory=lambda: tempfile.TemporaryDirectory(prefix="interp-"))
    models: dict[str, Path] = field(default_factory=dict)
    images: dict[str, LoadedImage] = field(default_factory=dict)
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
        self.jobs[name] = Job(work, _connection()).start()
        return self.jobs[name]

    def runs(self) -> Path:
        """The folder of the visitor's runs; the oldest of too many are removed."""
        place = self.folder / "runs"
        place.mkdir(exist_ok=True)
        found = sorted(place.iterdir(), key=lambda each: each.stat().st_mtime)
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


def is_own(source: str) -> bool:
    """Whether a model is one that the present visitor brought."""
    return Path(source).is_relative_to(session().folder)


def session() -> VisitorSession:
    """The session of the present visitor."""
    if KEY not in st.session_state:
        st.session_state[KEY] = VisitorSession()
    found: VisitorSession = st.session_state[KEY]
    return found


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The registry, loaded once for all visitors."""
    return Registry.load(setting().registry)


@st.cache_resource(show_spinner=False)
def setting() -> Setting:
    """The settings that the dashboard was started with."""
    return Setting.model_validate_json(os.environ.get(ENVIRONMENT, "{}"))


def _connection() -> Callable[[], bool] | None:
    """A check of whether the present visitor's browser is connected; None outside a server."""
    from streamlit import runtime
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return None
    running, own = runtime.get_instance(), context.session_id
    return lambda: running.is_active_session(own)
