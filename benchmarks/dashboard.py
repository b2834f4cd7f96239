"""Seconds from a cold start of the dashboard to its first map, all maps and report, in a browser.

python benchmarks/dashboard.py
Writes benchmarks/results/dashboard.json. Needs playwright and chromium. Each round starts
`interp dashboard --no-browser`, opens the page, presses Run as soon as it can be pressed and leaves
everything else as it is: default model, sample image, the methods that are usual for it. On a quiet
machine of two cores the first map should be there in 15 s, all of them in 22 s, the report in 45 s.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright
from record import record

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_dashboard.link import Selection
from interp_dashboard.usual import usual_methods

ROUNDS = 3
PATIENCE = 300_000  # milliseconds
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
PAINTED = """maps => maps.filter(each => each.getContext("2d")
    .getImageData(0, 0, each.width, each.height).data.some(value => value)).length"""


def main() -> None:
    methods = usual()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        rounds = [once(chromium, len(methods)) for _ in range(ROUNDS)]
    found = {
        "libraries' bytecode": bytecode(),
        "methods": methods,
        "measure": "seconds since the process was started",
        "median": {key: statistics.median(each[key] for each in rounds) for key in rounds[0]},
        "rounds": rounds,
    }
    record("dashboard", found)


def usual() -> list[str]:
    """The methods that are ticked for the default model."""
    registry = Registry.load()
    model = open_model(Selection().model, ModelOptions(device="cpu"), registry)
    return [each.name for each in usual_methods(registry, model.spec.fingerprint)]


def once(chromium: Browser, wanted: int) -> dict[str, float]:
    """A cold start, from the process to the report of `wanted` refined maps."""
    begun, found = time.perf_counter(), {}

    def note(name: str) -> None:
        found[name] = round(time.perf_counter() - begun, 1)

    with TemporaryDirectory() as runs, started(Path(runs)) as address:
        note("it listens")
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.get_by_role("button", name="Run", exact=True).click()
        note("Run is pressed")
        for name, count in (("first map", 1), ("all maps", wanted)):
            seen(page, count)
            note(name)
        page.get_by_role("button", name="HTML report", exact=True).wait_for()
        note("report ready")
        page.close()
    print(found, file=sys.stderr)
    return found


def seen(page: Page, count: int) -> None:
    """Wait until so many maps are painted."""
    maps = page.locator(".maps canvas[tabindex]")
    while maps.evaluate_all(PAINTED) < count:
        page.wait_for_timeout(50)


@contextmanager
def started(runs: Path) -> Iterator[str]:
    """Run the command as a user does; gives its address once it is printed."""
    with socket.create_server(("localhost", 0)) as free:
        port = str(free.getsockname()[1])
    words = ["dashboard", "--no-browser", "--port", port, "--runs", str(runs)]
    command = [sys.executable, "-m", "interp", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if server.stdout is not None:
            server.stdout.readline()
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait()


def bytecode() -> str:
    """Whether Python finds torch compiled, as an installer leaves it, or compiles at each start."""
    spec = find_spec("torch")
    kept = spec and spec.origin and Path(cache_from_source(spec.origin)).exists()
    return "kept" if kept else "compiled at each start"


if __name__ == "__main__":
    main()
