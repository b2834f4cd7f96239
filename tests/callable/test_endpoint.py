"""A model behind HTTP: formats, one kept connection, retries, and one line for what goes wrong."""

from __future__ import annotations

import socket

import numpy as np
import pytest
import torch
from support.server import mean_colours, serving

from interp.errors import ModelError
from interp.opening.source import open_model as open_any
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_callable import endpoint
from interp_callable.adapter import CallableAdapter
from interp_callable.opening import open_model

SMALL = {"size": (8, 6)}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch) -> None:
    monkeypatch.setattr(endpoint, "PAUSE", 0.001)


def opened(url: str, **options: object) -> CallableAdapter:
    return open_model(url, ModelOptions(input=SMALL, **options))  # type: ignore[arg-type]


def refused(url: str) -> str:
    with pytest.raises(ModelError) as caught:
        opened(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("answers", ["npy", "json"])
@pytest.mark.parametrize(
    ("formats", "setting", "sent"),
    [
        (("npy", "json"), "", "npy"),
        (("json",), "", "json"),
        (("npy", "json"), "#format=json", "json"),
        (("npy",), "#format=npy", "npy"),
    ],
)
def test_formats(answers, formats, setting, sent):
    with serving(formats=formats, answers=answers) as server:
        model = open_any(server.url + setting, ModelOptions(input=SMALL), Registry.load())
        assert any(f"sent {sent}, given uint8 (N, 8, 6, 3)" in each for each in model.spec.notes)
        pixels = torch.rand(5, 3, 8, 6)
        found = model.predict(pixels)
        whole = (pixels * 255).round().permute(0, 2, 3, 1).numpy()
        np.testing.assert_array_equal(server.seen[-1], whole)
        np.testing.assert_allclose(found, mean_colours(whole), atol=1e-6)
        assert server.connections == 1 or "npy" not in formats  # a refusal ends the connection


def test_fractions_in_json():
    with serving(formats=("json",)) as server:
        model = opened(f"{server.url}#format=json", pixels="float-chw")
        pixels = torch.rand(2, 3, 8, 6)
        model.predict(pixels)
        np.testing.assert_allclose(server.seen[-1], pixels.numpy(), atol=1e-6)


def test_name_classes_and_fingerprint():
    with serving(classes=["red", "green", "blue"]) as server:
        model = opened(server.url)
        assert model.spec.classes == ("red", "green", "blue")
        assert "class names given by the server" in model.spec.notes
        assert model.spec.name == f"127.0.0.1:{server.port}/predict"
        assert model.spec.source == server.url
        assert opened(server.url).spec.fingerprint == model.spec.fingerprint
        assert opened(server.url, classes=["a", "b", "c"]).spec.classes == ("a", "b", "c")


def test_batches_go_whole():
    with serving() as server:
        model = opened(server.url)
        before = server.requests
        model.predict(torch.rand(70, 3, 8, 6))
        assert server.requests == before + 1
        assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile():
    with serving(closes=True) as server:
        model = opened(f"{server.url}#retries=0")
        assert model.predict(torch.rand(2, 3, 8, 6)).shape == (2, 3)
        assert server.connections > 1


@pytest.mark.parametrize("failures", [[503], [0], [429, 502], [0, 504]])
def test_failures_that_pass_are_tried_again(failures):
    with serving(failures=list(failures)) as server:
        assert opened(server.url).predict(torch.rand(1, 3, 8, 6)).shape == (1, 3)


def test_failures_that_stay():
    with serving(failures=[503, 503, 503]) as server:
        message = refused(server.url)
        assert (
            f"127.0.0.1:{server.port}/predict answers 503 Service Unavailable: not now" in message
        )
        assert server.requests == 3
    with serving(failures=[503]) as server:
        assert "answers 503" in refused(f"{server.url}#retries=0")
    with serving(failures=[404]) as server:
        assert "answers 404 Not Found: not now" in refused(server.url)
        assert server.requests == 1
    with serving(failures=[500, 400]) as server:
        assert "500 Internal Server Error: not now to npy, and 400" in refused(server.url)
    with serving(failures=[0, 0, 0]) as server:
        assert "breaks the connection off" in refused(server.url)


def test_nobody_there():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    message = refused(f"http://127.0.0.1:{port}/predict")
    assert message == (
        f"127.0.0.1:{port}/predict refuses the connection; start the server, or check host and port"
    )


def test_no_answer_in_time():
    with serving(delay=0.5) as server:
        message = refused(f"{server.url}#timeout=0.05&retries=0")
    assert "gives no answer within 0.05 s; allow more with #timeout=SECONDS" in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"hello\nthere", "answers 'hello there'; expected"),
        (b'{"labels": [1]}', 'answers JSON with labels; expected the key "scores"'),
        (b'{"scores": [[1, 2]]}', "answers (1, 2) to 4 images; expected scores (4, classes)"),
        (b'{"scores": "many"}', "answers str; expected scores"),
        (b"\x93NUMPY broken", "expected"),
        (b"", "answers ''; expected"),
        (b"\xff\xfe\x00", "expected"),
    ],
)
def test_answers_that_are_no_scores(body, words):
    with serving(body=body) as server:
        assert words in refused(server.url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://", "expected an address"),
        ("http://127.0.0.1:99999/x", "expected an address"),
        ("http://127.0.0.1:80/x#tmeout=3", "did you mean 'timeout'"),
        ("http://127.0.0.1:80/x#timeout=soon", "expected seconds"),
        ("http://127.0.0.1:80/x#timeout=0", "expected seconds"),
        ("http://127.0.0.1:80/x#retries=-1", "expected a whole number"),
        ("http://127.0.0.1:80/x#format=xml", "expected npy or json"),
        ("http://me:secret@127.0.0.1/x", "leave it out"),
    ],
)
def test_addresses_that_cannot_be_used(url, words):
    message = refused(url)
    assert words in message
    assert "secret" not in message
