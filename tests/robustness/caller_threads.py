"""Threads and processes that explain, beside others that explain or train."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import torch
from support.networks import pooled_net
from support.threads import beside, together
from torch import Tensor, nn

import interp
from robustness.caller import (
    BUDGET,
    HOOKED,
    IMAGE,
    METHODS,
    OPTIONS,
    SEARCH,
    Caller,
    maps,
    module_state,
    network,
    same,
)

KIND = "Threads and processes"
ALL = (*METHODS, "occlusion", "chip", *HOOKED)
CHILD = f"""
import sys
sys.path[:0] = {SEARCH}
from robustness.caller import maps, network
import numpy as np

def explain(path):
    np.savez(path, **maps(network()))
"""


def one_module(_: Path) -> None:
    module = network().train()
    before = module_state(module)
    for found in together(lambda name=name: maps(module, [name]) for name in ALL):
        same(found)
    for found in together([lambda: maps(module)] * 3):
        same(found)
    assert module_state(module) == before


def one_open_model(_: Path) -> None:
    model = interp.open_model(network(), options=OPTIONS)
    for found in together(lambda name=name: maps(model, [name]) for name in ALL):
        same(found)


def one_session(_: Path) -> None:
    """Threads that share a cache of scores: what they ask is the same, and answered once."""
    session = interp.Session(model=interp.open_model(network(), options=OPTIONS))

    def explain(seed: int) -> np.ndarray:
        found = interp.explain(
            session.model, IMAGE, method="rise", target=0, budget=BUDGET, seed=seed, session=session
        )
        return found.map()

    expected = [explain(seed) for seed in range(4)]
    session.memory.answers = None
    for _again in range(2):
        found = together(lambda seed=seed: explain(seed) for seed in range(4))
        for first, second in zip(found, expected, strict=True):
            np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-7)


def owned(_: Path) -> None:
    """A model that interp made itself, whose memory layout it chooses while threads run it."""
    model = interp.open_model("support.networks:pooled_net", options=OPTIONS)
    plain = interp.open_model(pooled_net(), options=OPTIONS)
    names = ("rise", "occlusion", "saliency", "gradcam")
    expected = maps(plain, names)
    for found in together(lambda name=name: maps(model, [name]) for name in names * 2):
        same(found, expected)


class Exported(nn.Module):
    """What torch.fx cannot trace, so that torch.export is tried."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, image: Tensor) -> Tensor:
        maps = self.net.stem(image)
        if maps.shape[1] > 100 or bool(maps.sum() < -1e9):
            return image
        return self.net.fc(self.net.body(maps).mean((2, 3)))


def exported(_: Path) -> None:
    module = Exported().train()
    for found in together(lambda name=name: maps(module, [name]) for name in (*METHODS, *HOOKED)):
        same(found)


def train(module: nn.Module, steps: int = 120) -> Tensor:
    """The parameters after some steps of training."""
    optimiser = torch.optim.SGD(module.parameters(), 1e-4)
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        images = torch.rand(4, 3, 36, 36, generator=draw)
        optimiser.zero_grad()
        module(images).square().mean().backward()
        optimiser.step()
    return torch.cat([each.detach().flatten() for each in module.parameters()])


def beside_training(make: Callable[[], nn.Module], methods: tuple[str, ...]) -> Callable:
    """A training loop gives what it gives alone, and its neighbour the usual maps."""

    def call(_: Path) -> None:
        module, expected = network().train(), train(network().train())

        def explained() -> bool:
            same(maps(make(), methods))
            return True

        found, count = beside(lambda: train(module), explained)
        torch.testing.assert_close(found, expected)
        assert count > 0

    return call


def no_main_thread(_: Path) -> None:
    """As in a notebook's kernel or a server: the main thread is elsewhere."""
    found: list[dict[str, np.ndarray]] = []
    thread = Thread(target=lambda: found.append(maps(network())), daemon=True)
    thread.start()
    thread.join(60)
    same(found[0])


def program(code: str, folder: Path) -> None:
    """Run a program of its own that writes found.npz by `explain`; its maps must be the usual."""
    path = folder / "program.py"
    path.write_text(f"{CHILD}\n{code}\n")
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    with np.load(folder / "found.npz") as found:
        same(dict(found))


def child(way: str) -> Callable[[Path], None]:
    first = "maps(network())" if way == "fork" else "pass"
    return lambda folder: program(
        f"""
import multiprocessing
if __name__ == "__main__":
    {first}
    process = multiprocessing.get_context("{way}").Process(target=explain, args=("found.npz",))
    process.start()
    process.join(90)
    sys.exit(99 if process.exitcode is None else process.exitcode)
""",
        folder,
    )


LOADER = """
from torch.utils.data import DataLoader, Dataset

class One(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        explain("found.npz")
        return index

if __name__ == "__main__":
    maps(network())
    list(DataLoader(One(), num_workers=1, timeout=90))
"""

ROWS = (
    Caller("eight methods on one module in training mode, a thread each", KIND, one_module),
    Caller("eight methods on one open model, a thread each", KIND, one_open_model),
    Caller("four threads that share a session", KIND, one_session, "the maps of each alone"),
    Caller("threads on a model whose memory layout interp chooses", KIND, owned),
    Caller("threads on a module that torch.fx cannot trace", KIND, exported, slow=True),
    Caller("beside a training loop of another module", KIND,
           beside_training(network, ("gradcam", *HOOKED)), "the usual map; the same training"),
    Caller("beside a training loop, with torch.export", KIND,
           beside_training(Exported, ("gradcam", "guided-gradcam")),
           "the usual map; the same training", slow=True),
    Caller("in a thread that is not the main one, as notebooks and servers do", KIND,
           no_main_thread),
    Caller("in a forked child, after a call in the parent", KIND, child("fork"), slow=True),
    Caller("in a spawned child", KIND, child("spawn"), slow=True),
    Caller("in a DataLoader's worker, after a call in the parent", KIND,
           lambda folder: program(LOADER, folder), slow=True),
)  # fmt: skip
