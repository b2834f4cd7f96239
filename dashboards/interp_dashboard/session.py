"""One visitor: what they uploaded, the job that works for them, what they were shown."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from interp.registry import Registry
from interp_dashboard.job import Job, Work, always
from interp_dashboard.setting import Setting

KEY = "interp session"
MOST = 20
"""Results of a visitor that are held at a time."""


@dataclass(eq=False)
class Session:
    """Nothing here is seen by another visitor; the folder goes when the session does."""

    home: Any = field(default_factory=lambda: tempfile.TemporaryDirectory(prefix="interp-"))
    models: dict[str, Path] = field(default_factory=dict)
    images: dict[str, np.ndarray] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """Uploaded image files that were read."""
    jobs: dict[str, Job] = field(default_factory=dict)
    drawn: dict[Any, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where their results lie."""
        return Path(self.home.name)

    def start(self, name: str, work: Work) -> Job:
        """A new job in place of whatever works for this visitor now."""
        self.stop()
        self.drawn.clear()
        self.jobs[name] = Job(work, watcher()).start()
        return self.jobs[name]

    def runs(self) -> Path:
        """The folder of their results; of the oldest only so many stay."""
        place = self.folder / "runs"
        place.mkdir(exist_ok=True)
        found = sorted(place.iterdir(), key=lambda each: each.stat().st_mtime)
        for each in found[:-MOST]:
            shutil.rmtree(each)
        return place

    def stop(self) -> None:
        """End whatever works for this visitor."""
        for each in self.jobs.values():
            if each.running:
                each.stop()


def session() -> Session:
    """The present visitor's."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Session()
    found: Session = st.session_state[KEY]
    return found


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """Everything registered, read once."""
    return Registry.load(setting().registry)


@st.cache_resource(show_spinner=False)
def setting() -> Setting:
    """What the dashboard was started with."""
    return Setting.read()


def watcher() -> Callable[[], bool]:
    """Whether the present visitor's browser is connected."""
    from streamlit import runtime
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return always
    running, own = runtime.get_instance(), context.session_id
    return lambda: running.is_active_session(own)
