"""A Ray cluster of two nodes on this machine, whose nodes and workers can be killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# read as ray is imported: it would replace the loopback address by the machine's own
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
NODE = {
    "num_cpus": 1,
    "object_store_memory": 100 << 20,
    "include_dashboard": False,
    "node_ip_address": "127.0.0.1",
}


@dataclass
class TwoNodes:
    """Two nodes of one core each: the head, and one that may die."""

    cluster: Any
    other: Any = None

    @property
    def address(self) -> str:
        """What --cluster takes."""
        return str(self.cluster.address)

    def complete(self) -> None:
        """Start the second node, if it is not there."""
        if self.other is None:
            self.other = self.cluster.add_node(**NODE)
            self.cluster.wait_for_nodes()

    def kill_node(self) -> None:
        """SIGKILL to the second node; its workers die with it."""
        if self.other is not None:
            self.cluster.remove_node(self.other, allow_graceful=False)
            self.other = None

    def workers(self) -> list[int]:
        """The processes of workers that have an interp model open, or open it."""
        nodes = {
            each.all_processes["raylet"][0].process.pid for each in self.cluster.list_all_nodes()
        }
        return [pid for pid in map(int, _processes()) if _is_worker(pid, nodes)]


def _processes() -> Iterator[str]:
    return (each.name for each in Path("/proc").iterdir() if each.name.isdigit())


def _is_worker(pid: int, nodes: set[int]) -> bool:
    """Whether a process runs interp's worker on one of these nodes."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return False
    return title.startswith(b"ray::Worker") and parent in nodes


@contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """The cluster, while the block lasts."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    try:
        yield TwoNodes(cluster)
    finally:
        cluster.shutdown()


WORK = ("images", "methods on images", "perturbed networks")
"""How the labels of progress begin that is made by workers."""
PATIENCE = 10.0
"""Seconds within which a worker that was killed is replaced, where there is work left."""


@dataclass
class Killer:
    """Progress callback that kills a random worker each time another piece is done."""

    nodes: TwoNodes
    most: int
    random: random.Random
    killed: int = 0
    seen: set[tuple[str, int]] = field(default_factory=set)

    def __call__(self, label: str, done: int, total: int | None) -> None:
        new = done and label.startswith(WORK) and (label, done) not in self.seen
        self.seen.add((label, done))
        alive = self._alive() if new and self.killed < self.most else []
        if alive:
            self.killed += 1
            time.sleep(self.random.uniform(0, 0.3))
            with suppress(ProcessLookupError):  # it has ended
                os.kill(self.random.choice(alive), signal.SIGKILL)

    def _alive(self) -> list[int]:
        """The workers, once there is one: the last ones killed are being replaced."""
        limit = time.monotonic() + PATIENCE
        while not (found := self.nodes.workers()) and time.monotonic() < limit:
            time.sleep(0.05)
        return found
