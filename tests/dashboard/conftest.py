"""Pages without a browser, each test with a registry and folders of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from onnx import TensorProto, helper
from streamlit.testing.v1 import AppTest
from support.onnx_file import mean_colour

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.image import open_image
from interp_dashboard.session import KEY, SESSIONS, VisitorSession
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
        return [_read(each.value) for each in [*self.page.error, *self.page.exception]]

    @property
    def warnings(self) -> list[str]:
        """What the page warns of."""
        return [_read(each.value) for each in self.page.warning]

    @property
    def words(self) -> str:
        """The page's text."""
        kinds = (self.page.markdown, self.page.caption, self.page.subheader, self.page.info)
        return "\n".join(_read(str(each.value)) for kind in kinds for each in kind)

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


def _read(text: object) -> str:
    """Text as it is seen: without what keeps it from being read as Markdown."""
    return re.sub(r"\\(\W|_)", r"\1", str(text))


@pytest.fixture
def network() -> Callable[..., bytes]:
    """Write an ONNX file: three classes, the mean colour; after these nodes, if any."""

    def write(nodes: Sequence[Any] = (), extra: Sequence[Any] = ()) -> bytes:
        return bytes(mean_colour(nodes, extra).SerializeToString())

    return write


@pytest.fixture
def endless(network: Callable[..., bytes], tmp_path: Path) -> bytes:
    """An ONNX file that answers at once, and loops 2^50 times on the image "two" alone.

    It wants the input mean=0,0,0,std=1,1,1.
    """
    plain, registry = tmp_path / "plain.onnx", Registry.load()
    plain.write_bytes(network())
    reader = open_model(str(plain), ModelOptions(device="cpu"), registry)
    first = reader.prepare(open_image(registry.get("sample", "two")))[0][:, 0, 0].tolist()

    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Add", ["held", "step"], ["kept"]),
        ],
        "body",
        [
            value("turn", TensorProto.INT64, []),
            value("going", TensorProto.BOOL, []),
            value("held", TensorProto.FLOAT, []),
        ],
        [value("still", TensorProto.BOOL, []), value("kept", TensorProto.FLOAT, [])],
        [_scalar("step", TensorProto.FLOAT, 0.0)],
    )
    nodes = [
        helper.make_node("Slice", ["image", "start", "stop"], ["corner"]),
        helper.make_node("Squeeze", ["corner"], ["colour"]),
        helper.make_node("Sub", ["colour", "first"], ["change"]),
        helper.make_node("Abs", ["change"], ["apart"]),
        helper.make_node("ReduceMax", ["apart"], ["most"], keepdims=0),
        helper.make_node("Less", ["most", "bound"], ["known"]),
        helper.make_node("Where", ["known", "many", "one"], ["turns"]),
        helper.make_node("Loop", ["turns", "", "zero"], ["end"], body=body),
        helper.make_node("Add", ["image", "end"], ["more"]),
    ]
    return network(
        nodes,
        [
            helper.make_tensor("start", TensorProto.INT64, [4], [0, 0, 0, 0]),
            helper.make_tensor("stop", TensorProto.INT64, [4], [1, 3, 1, 1]),
            helper.make_tensor("first", TensorProto.FLOAT, [3], first),
            _scalar("bound", TensorProto.FLOAT, 1e-3),
            _scalar("many", TensorProto.INT64, 1 << 50),
            _scalar("one", TensorProto.INT64, 1),
            _scalar("zero", TensorProto.FLOAT, 0.0),
        ],
    )


def _scalar(name: str, kind: int, value: float) -> Any:
    return helper.make_tensor(name, kind, [], [value])


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
    SESSIONS.clear()
