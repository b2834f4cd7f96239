"""What a model behind HTTP costs beside its own time: 1,000 RISE masks through a local server.

python benchmarks/http_model.py
Writes benchmarks/results/http_model.json. The server is a process of its own. Its own time is that
in which it reads a batch's bytes, runs the network and writes its scores as bytes; the rest is
ours: drawing masks, applying them, rounding, sending, waiting, and the map.
"""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from record import record

MASKS = 1000
SERVED = {
    "creatures-vgg": 112,
    "torchvision:resnet18": 224,
}
"""Network, with random weights where it is not shipped, and its input size."""
CASES = (("creatures-vgg", "npy"), ("torchvision:resnet18", "npy"), ("creatures-vgg", "json"))
REPEATS = 3
"""Runs of each case, of which the fastest counts: other work on the machine only adds to it."""
LIMIT = 1.3
"""Most that the whole may take, as a multiple of the server's own time, with npy."""


def main() -> None:
    rows = [measure(name, form) for name, form in CASES]
    worst = max(each["ratio"] for each in rows if each["format"] == "npy")
    about = {
        "masks": MASKS,
        "measure": "seconds of interp.explain(method='rise'), beside those inside the server",
        "rows": rows,
        "at most": LIMIT,
        "holds": worst <= LIMIT,
    }
    record("http_model", about)


def measure(name: str, form: str) -> dict[str, object]:
    """Seconds of one run through HTTP, the server's own among them."""
    import interp

    size = SERVED[name]
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    given = {"options": interp.ModelOptions(input={"size": (size, size)})}
    runs = []
    with served(name) as port:
        model = interp.open_model(f"http://127.0.0.1:{port}/predict#format={form}", **given)
        session = interp.Session()  # keeps the fastest batch size
        for seed in range(REPEATS if form == "npy" else 1):
            before, begun = own_time(port), time.perf_counter()
            budget = interp.Budget(samples=MASKS)
            call = {"method": "rise", "target": 0, "seed": seed, "budget": budget}
            interp.explain(model, image, session=session, **call)
            seconds, after = time.perf_counter() - begun, own_time(port)
            runs.append((seconds, *(after[key] - before[key] for key in ("seconds", "batches"))))
    seconds, own, batches = min(runs)
    row: dict[str, object] = {
        "model": name,
        "size": size,
        "format": form,
        "seconds": round(seconds, 2),
        "server": round(own, 2),
        "ratio": round(seconds / own, 3),
        "batches": int(batches),
        "other milliseconds per mask": round(1000 * (seconds - own) / MASKS, 3),
    }
    print(row, flush=True)
    return row


@contextmanager
def served(name: str) -> Iterator[int]:
    """The network behind HTTP in its own process; its port."""
    command = [sys.executable, __file__, name]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None  # noqa: S101
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()


def own_time(port: int) -> dict[str, float]:
    """Seconds and batches that the server has counted."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    with connection.getresponse() as response:
        found: dict[str, float] = json.loads(response.read())
    connection.close()
    return found


def serve(name: str) -> None:
    """Serve a network on a free port, which is printed."""
    import torch

    import interp

    if name == "creatures-vgg":
        module = interp.open_model(name, options=interp.ModelOptions(device="cpu")).module().eval()
    else:
        from torchvision.models import get_model

        module = get_model(name.partition(":")[2], weights=None).eval()
    spent = {"seconds": 0.0, "batches": 0.0}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            begun = time.perf_counter()
            npy = body.startswith(b"\x93NUMPY")
            images = np.load(io.BytesIO(body)) if npy else np.array(json.loads(body)["images"])
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255)
            with torch.inference_mode():
                scores = module(pixels).numpy()
            answer = json.dumps({"scores": scores.tolist()}).encode()
            spent["seconds"] += time.perf_counter() - begun
            spent["batches"] += 1
            self.reply(answer)

        def do_GET(self) -> None:
            self.reply(json.dumps(spent).encode())

        def reply(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else main()
