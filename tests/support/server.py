"""A model behind HTTP on this machine, for tests: it answers as it is told, and counts."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np


@dataclass
class Served:
    """What a server does, and what it has seen; scores are the mean colours, in [0, 1]."""

    formats: tuple[str, ...] = ("npy", "json")
    """Formats that it takes; others are refused with 415."""
    answers: str = "json"
    failures: list[int] = field(default_factory=list)
    """Status codes of the next answers, before it answers rightly; 0 breaks the connection off."""
    body: bytes | None = None
    """What it answers instead of scores."""
    delay: float = 0.0
    closes: bool = False
    """Whether it closes the connection after each answer without saying so."""
    classes: list[str] | None = None
    seen: list[np.ndarray] = field(default_factory=list)
    connections: int = 0
    requests: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/predict"


def mean_colours(images: np.ndarray) -> np.ndarray:
    """Mean of each colour, (N, 3), of images (N, h, w, 3) uint8."""
    return np.asarray(images, np.float64).mean((1, 2)) / 255


class Handler(BaseHTTPRequestHandler):
    """Answers each request as the server's `served` says."""

    protocol_version = "HTTP/1.1"

    @property
    def served(self) -> Served:
        return self.server.served  # type: ignore[attr-defined, no-any-return]

    def setup(self) -> None:
        super().setup()
        self.served.connections += 1

    def do_POST(self) -> None:
        served = self.served
        served.requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(served.delay)
        if served.failures:
            self.fail(served.failures.pop(0))
            return
        form = "npy" if self.headers["Content-Type"] == "application/x-npy" else "json"
        if form not in served.formats:
            self.reply(415, f"no {form} here".encode(), "text/plain")
            return
        held = np.load(io.BytesIO(body)) if form == "npy" else json.loads(body)["images"]
        served.seen.append(np.asarray(held))
        self.answer(mean_colours(served.seen[-1]))

    def fail(self, status: int) -> None:
        self.close_connection = True
        if status:
            self.reply(status, b"not\nnow", "text/plain")

    def answer(self, scores: np.ndarray) -> None:
        served = self.served
        self.close_connection = served.closes
        if served.body is not None:
            self.reply(200, served.body, "text/plain")
        elif served.answers == "npy":
            held = io.BytesIO()
            np.save(held, scores)
            self.reply(200, held.getvalue(), "application/x-npy")
        else:
            found = {"scores": scores.tolist()}
            named = {} if served.classes is None else {"classes": served.classes}
            self.reply(200, json.dumps(found | named).encode(), "application/json")

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class QuietServer(ThreadingHTTPServer):
    """Says nothing of visitors who went away."""

    def handle_error(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(**told: Any) -> Iterator[Served]:
    """A server on a free port of this machine; it ends with the block."""
    served = Served(**told)
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.served = served  # type: ignore[attr-defined]
    served.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
