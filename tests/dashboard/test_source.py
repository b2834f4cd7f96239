"""Models that are offered by name: a function and an HTTP endpoint."""

from __future__ import annotations

import pytest
from support.server import serving

CODE = """
    def score(images):
        return images.mean((1, 2)) / 12

    score.interp_options = {"classes": ["r", "g", "b"], "input": {"size": (16, 16)}}
"""


@pytest.fixture(params=["function", "endpoint"])
def source(request, package):
    """The name of a model."""
    if request.param == "function":
        yield f"callable:{package(CODE)}:score"
        return
    with serving(classes=["r", "g", "b"]) as server:
        yield server.url


def test_it_is_offered_compared_and_described(source, started, visit):
    started(sources=[source])
    visitor = visit("compare", model=source, method=["occlusion", "centre"])
    assert "its fingerprint is made of its name" in visitor.words
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    found = visitor.session.jobs["compare"].result
    assert found.model.source == source
    assert [each.error for each in found.records[0].outcomes] == [None, None]


def test_what_needs_more_is_not_run(source, started, visit):
    started(sources=[source])
    visitor = visit("layers", model=source)
    assert visitor.page.exception == []


def test_an_address_that_was_not_offered_is_not_opened(started, visit):
    with serving() as server:
        started()
        visitor = visit("compare", model=server.url)
        assert any("is not offered here" in each.value for each in visitor.page.warning)
        assert server.requests == 0


def test_a_server_that_is_down_is_one_line(started, visit):
    with serving() as server:
        url = f"{server.url}#retries=0"
    started(sources=[url])
    visitor = visit("compare", model=url)
    assert any("refuses the connection" in each for each in visitor.errors)
    assert visitor.page.exception == []
