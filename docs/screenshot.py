"""Take README's picture of the dashboard, docs/dashboard.png: the main path in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from interp_dashboard.command import served
from interp_dashboard.setting import Setting

OUT = Path(__file__).with_name("dashboard.png")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
QUERY = "?model=creatures-vgg&image=two&method=mint&method=chip&method=rise&method=layercam"
WIDTH = 1440
PATIENCE = 300_000  # milliseconds


def main() -> int:
    """Serve the dashboard, run four methods on the sample, take the picture."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return missing("playwright: pip install playwright")
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if browser is None:
        return missing("chromium: apt-get install chromium, or name one with CHROMIUM=PATH")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as runs,
        served(Setting(runs=Path(runs)), "localhost", port),
        sync_playwright() as playwright,
    ):
        opened = playwright.chromium.launch(executable_path=browser, args=FLAGS.split())
        page = opened.new_page(viewport={"width": WIDTH, "height": 1000})
        page.goto(f"http://localhost:{port}/{QUERY}")
        take(page)
        opened.close()
    return 0


def take(page: Any) -> None:
    """Run, wait until the maps are refined, and take all down to them."""
    page.get_by_role("button", name="Skip", exact=True).click(timeout=PATIENCE)
    page.get_by_role("button", name="Run", exact=True).click(timeout=PATIENCE)
    page.get_by_role("button", name="HTML report", exact=True).wait_for(timeout=PATIENCE)
    page.mouse.move(0, 0)
    page.set_viewport_size({"width": WIDTH, "height": 4000})
    page.wait_for_timeout(1500)
    end = page.get_by_role("heading", name="Do they agree?").bounding_box()["y"]
    page.screenshot(path=OUT, clip={"x": 0, "y": 0, "width": WIDTH, "height": end})


def missing(what: str) -> int:
    """Say what to install."""
    sys.stderr.write(f"the picture needs {what}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
