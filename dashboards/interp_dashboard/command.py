"""`interp dashboard`: start the application and open it in the browser."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from interp.errors import InputError
from interp_dashboard.setting import ENVIRONMENT, Setting
from interp_dashboard.turn import usual_places

LARGEST_MODEL = 200
"""Megabytes of an uploaded model."""
PATIENCE = 60.0
"""Seconds within which the server must answer."""
EVERYWHERE = ("0.0.0.0", "::")
Folder = Path | None


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 lets other machines in, without a password."
        ),
    ] = "localhost",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = (
        False
    ),
    models: Annotated[
        Folder,
        typer.Option(metavar="DIR", help="Folder of models to offer: what an adapter opens."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A model to offer, as other commands take it: torchvision:NAME, "
            "package.module:factory, callable:module:function, http://HOST:PORT/PATH; repeatable.",
        ),
    ] = None,
    images: Annotated[
        Folder, typer.Option(metavar="DIR", help="Folder of images to offer.")
    ] = None,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Folder of shared results.")] = Path(
        "interp-runs"
    ),
    registry: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A registry.yaml to add to the installed ones; repeatable."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Runs that work at a time, each in a process; by default one for two processor "
            "cores. Others wait for their turn, of two seconds each.",
        ),
    ] = None,
) -> int:
    """Open the dashboard in the browser: models, images and methods side by side.

    Works at once on a shipped model and image. It listens on this machine only, unless --host
    names another address. Models and images can be uploaded; of the files on this machine, only
    those in the folders named here are offered.

    \b
    Examples
      interp dashboard
      interp dashboard --models exported --images photos
      interp dashboard --model callable:my_models:score
      interp dashboard --port 8600 --no-browser
    """
    _check(host, port, [each for each in (models, images) if each is not None], registry or [])
    setting = Setting(
        models=models and models.resolve(),
        sources=tuple(model or ()),
        images=images and images.resolve(),
        runs=runs.resolve(),
        registry=tuple(each.resolve() for each in registry or ()),
        workers=workers or usual_places(),
    )
    address = f"http://{'localhost' if host in EVERYWHERE else host}:{port}"
    typer.echo("starting ...", err=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), served(setting, host, port) as server:
        typer.echo(f"dashboard: {address} (Ctrl+C stops it)")
        if not no_browser:
            webbrowser.open(address)
        return server.wait()
    return 0


@contextmanager
def served(setting: Setting, host: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The application in its own process, ready to answer; it ends with the block."""
    server = subprocess.Popen(
        launch(host, port),
        env={**os.environ, ENVIRONMENT: setting.model_dump_json()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(server, f"http://{'localhost' if host in EVERYWHERE else host}:{port}")
        yield server
    finally:
        server.terminate()
        server.wait()


def launch(host: str, port: int) -> list[str]:
    """The command that starts the server."""
    flags = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.maxUploadSize": LARGEST_MODEL,
        "browser.gatherUsageStats": "false",
        "runner.postScriptGC": "false",  # takes half a second, twice a second while a job runs
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    app = Path(__file__).with_name("app.py")
    words = [word for key, value in flags.items() for word in (f"--{key}", str(value))]
    return [sys.executable, "-m", "interp_dashboard.serve", str(app), *words]


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise InputError(f"the dashboard did not start at {address}; see the messages above")


def _check(host: str, port: int, folders: list[Path], files: list[Path]) -> None:
    """Raise InputError now for what would fail only later."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; check the path")
    for file in files:
        if not file.is_file():
            raise InputError(f"{file}: no such registry file; check the path")
    if find_spec("streamlit") is None:
        raise InputError("the dashboard needs streamlit; install it: pip install streamlit")
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port} ({error.strerror}); name another with --port"
        ) from error
