"""`interp dashboard`: help, what it refuses, and that nobody else pays for it."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import pytest

from interp.cli import main
from interp.request import DEFAULT_MODEL
from interp_dashboard import serve
from interp_dashboard.command import launch
from interp_dashboard.model import JOB_MODELS, PAGE_MODELS


def test_help(capsys):
    assert main(["dashboard", "--help"]) == 0
    told = capsys.readouterr().out
    for flag in ("--port", "--host", "--no-browser", "--models", "--images", "--runs"):
        assert flag in told


@pytest.mark.parametrize("words", [["list"], ["dashboard", "--help"]])
def test_streamlit_is_not_imported(words):
    code = (
        f"import sys; from interp.cli import main; main({words!r}); "
        "sys.exit('streamlit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_binds_to_this_machine_and_asks_nothing():
    words = launch("localhost", 8501)
    flags = dict(itertools.pairwise(words))
    assert flags["--server.address"] == "localhost"
    assert flags["--server.headless"] == "true"
    assert flags["--browser.gatherUsageStats"] == "false"
    assert flags["--server.maxUploadSize"] == "200"


def test_a_port_that_is_taken_is_told(capsys):
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["dashboard", "--no-browser", "--port", str(port)]) == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--models", "--images", "--registry"])
def test_what_is_not_there_is_told(flag, capsys, tmp_path):
    assert main(["dashboard", "--no-browser", flag, str(tmp_path / "gone")]) == 2
    assert "gone: no such" in capsys.readouterr().err


def test_what_a_first_visitor_needs_is_made_at_the_start(started, monkeypatch):
    monkeypatch.setattr(serve, "pool", lambda: SimpleNamespace(warm=lambda task: task()))
    serve.get_ready()
    assert any(DEFAULT_MODEL in key for key in JOB_MODELS.values)
    assert any(DEFAULT_MODEL in key for key in PAGE_MODELS.values)


@pytest.mark.slow
def test_it_answers_and_leaves_nothing_running(tmp_path):
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    words = ["dashboard", "--no-browser", "--port", str(port), "--runs", str(tmp_path)]
    command = [sys.executable, "-m", "interp", *words]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert f"dashboard: http://localhost:{port}" in started.stdout.readline()
    with urllib.request.urlopen(f"http://localhost:{port}", timeout=10) as page:
        assert b"<html" in page.read()
    started.terminate()
    assert started.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://localhost:{port}", timeout=10)
