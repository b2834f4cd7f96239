"""Pages without a browser, each test with a registry and folders of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from onnx import TensorProto, helper
from streamlit.testing.v1 import AppTest

from interp_dashboard.session import KEY, VisitorSession
from interp_dashboard.setting import ENVIRONMENT, Setting

PATIENCE = 120


@dataclass
class Visitor:
    """Somebody who has a page open."""

    page: AppTest

    @property
    def session(self) -> VisitorSession:
        """What the dashboard holds for them."""
        found: VisitorSession = self.page.session_state[KEY]
        return found

    @property
    def errors(self) -> list[str]:
        """What the page says went wrong, ours and Python's."""
        return [each.value for each in [*self.page.error, *self.page.exception]]

    @property
    def words(self) -> str:
        """The page's text."""
        kinds = (self.page.markdown, self.page.caption, self.page.subheader, self.page.info)
        return "\n".join(str(each.value) for kind in kinds for each in kind)

    def press(self, label: str) -> Visitor:
        """Press a button by its label."""
        next(each for each in self.page.button if each.label == label).click().run()
        return self

    def tick(self, *methods: str) -> Visitor:
        """Choose these methods and no other."""
        for each in self.page.checkbox:
            if str(each.key).startswith("tick "):
                each.set_value(str(each.key).removeprefix("tick ") in methods)
        self.page.run()
        return self

    def finish(self, job: str) -> Visitor:
        """Wait until a job has ended, and look again."""
        assert self.session.jobs[job].wait(PATIENCE)
        self.page.run()
        return self


@pytest.fixture
def network() -> Callable[..., bytes]:
    """Write an ONNX file: three classes, the mean colour; after these nodes, if any."""

    def write(nodes: Sequence[Any] = (), extra: Sequence[Any] = ()) -> bytes:
        last = nodes[-1].output[0] if nodes else "image"
        listed = [
            *nodes,
            helper.make_node("GlobalAveragePool", [last], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["scores"]),
        ]
        image, scores = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("image", ("n", 3, 24, 24)), ("scores", ("n", 3)))
        )
        graph = helper.make_graph(listed, "mean colour", [image], [scores], list(extra))
        opsets = [helper.make_opsetid("", 17)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return bytes(made.SerializeToString())

    return write


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Setting]]:
    """Start the dashboard with these settings."""

    def start(**said: Any) -> Setting:
        setting = Setting(**{"runs": tmp_path / "runs", **said})
        monkeypatch.setenv(ENVIRONMENT, setting.model_dump_json())
        st.cache_resource.clear()
        return setting

    start()
    yield start
    st.cache_resource.clear()


@pytest.fixture
def visit(started: Any) -> Iterator[Callable[..., Visitor]]:
    """Open a page by its module's name; whatever works for it ends with the test."""
    visitors: list[Visitor] = []

    def open_page(name: str, **query: Any) -> Visitor:
        script = f"from interp_dashboard.page.{name} import page\npage()\n"
        page = AppTest.from_string(script, default_timeout=PATIENCE)
        for key, value in query.items():
            page.query_params[key] = value
        visitors.append(Visitor(page.run()))
        return visitors[-1]

    yield open_page
    for each in visitors:
        each.session.stop()
        assert all(job.wait(PATIENCE) for job in each.session.jobs.values())
