"""A worker that Ray kills since memory runs out: its piece is done again, with equal results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.folder_commands import COMMANDS, assert_equal
from support.ray_cluster import WORK, TwoNodes, two_nodes

from interp.cluster.ray_pool import RayPool
from interp.registry import Registry
from interp.session import Session

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.slow
GIB = 1 << 30
ROOM = 5 * GIB
"""Memory that the nodes and their workers may take, beyond what is used before."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    """Two nodes that kill a worker as soon as the machine uses ROOM more than now."""
    memory = psutil.virtual_memory()
    if memory.available < 2 * ROOM:
        pytest.skip(f"{memory.available / GIB:.0f} GiB are free; {2 * ROOM / GIB:.0f} are needed")
    with pytest.MonkeyPatch.context() as patch:
        share = (memory.total - memory.available + ROOM) / memory.total
        patch.setenv("RAY_memory_usage_threshold", f"{share:.4f}")
        patch.setenv("RAY_memory_monitor_refresh_ms", "50")
        patch.setenv("OMP_NUM_THREADS", "1")
        with two_nodes() as found:
            yield found


@dataclass
class Hog:
    """Progress callback that once takes memory until a worker is gone."""

    nodes: TwoNodes
    killed: set[int] = field(default_factory=set)
    done: bool = False

    def __call__(self, label: str, done: int, total: int | None) -> None:
        if self.done or not done or not label.startswith(WORK):
            return
        self.done, before = True, set(self.nodes.workers())
        held, until = [], time.monotonic() + 60
        while not self.killed and time.monotonic() < until:
            if len(held) < 2 * ROOM // GIB * 4:
                held.append(np.ones(GIB // 4, np.uint8))
            time.sleep(0.05)
            self.killed = before - set(self.nodes.workers())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_worker_killed_for_memory_loses_nothing(
    command: str,
    nodes: TwoNodes,
    many_photos: Path,
    tmp_path: Path,
    registry: Registry,
    alone: Any,
) -> None:
    nodes.complete()
    hog = Hog(nodes)
    with RayPool(2, nodes.address) as pool:
        session = Session(registry, progress=hog, pool=pool)
        found = COMMANDS[command](many_photos, tmp_path / "out", session)
    assert_equal(found, alone(command, many_photos))
    assert hog.killed
