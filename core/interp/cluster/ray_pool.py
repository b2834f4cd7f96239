"""A pool of workers on Ray, the extra interp[cluster]: processes of this machine or a cluster."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from interp.cluster.pool import Lost, Piece, Pool, Result, in_order
from interp.cluster.worker import Worker, packed
from interp.errors import InputError, PluginError, first_line

DEATHS = 4
"""Workers that may die of one piece until it is given up."""
AHEAD = 4
"""Pieces for each worker that may be done before an earlier one, where their order is kept."""
PATIENCE = 600
"""Seconds until work without any worker is given up; a cluster may have to start machines."""
STORE = 1 << 29
"""Bytes of shared memory for results on their way, where Ray is started on this machine."""


@dataclass(eq=False)
class RayPool(Pool):
    """Workers on this machine, or on the Ray cluster at `address`.

    `workers`: how many; by default one for each GPU, or else for each core, that Ray has. Each has
    its share of the cores and GPUs, and as many threads as cores unless OMP_NUM_THREADS says
    otherwise. Ray and the workers are started when the first piece waits, and go on to the next
    work. Raises InputError where Ray is not installed.
    """

    workers: int | None = None
    address: str | None = None
    remote = True
    idle: list[Any] = field(default_factory=list)
    """Workers that wait for the next work."""
    options: dict[str, float] = field(default_factory=dict)
    """What each worker asks of Ray; empty before Ray is started."""

    def __post_init__(self) -> None:
        if find_spec("ray") is None:
            raise InputError(
                "--workers and --cluster need Ray, which is not installed; "
                'pip install "interp[cluster]"'
            )

    def map(
        self,
        do: Callable[[Piece], Result],
        pieces: Sequence[Piece],
        reopen: Callable[[], Callable[[Piece], Result]],
        ordered: bool = False,
    ) -> Iterator[tuple[Piece, Result | Lost]]:
        if not len(pieces):
            return
        sent = packed(reopen)
        self._start()
        ahead = AHEAD * (self.workers or 1) if ordered else None
        turn = Turn(self, sent, deque(range(len(pieces))), ahead)
        results = turn.results(pieces)
        try:
            for number, result in in_order(results) if ordered else results:
                yield pieces[number], result
        finally:
            turn.end()

    def take(self) -> Any:
        """A worker: one that waits, or else a new one."""
        if self.idle:
            return self.idle.pop()
        import ray

        return ray.remote(Worker).options(**self.options).remote()

    def close(self) -> None:
        """End the workers, and Ray where it was started here."""
        if self.options:
            import ray

            for each in self.idle:
                ray.kill(each)
            self.idle.clear()
            self.options.clear()
            ray.shutdown()

    def _start(self) -> None:
        """Start Ray or join the cluster, and divide its cores and GPUs among the workers."""
        if self.options:
            return
        found = _ray_resources(self.address, self.workers or 1)
        cores, gpus = int(found.get("CPU", 0)), found.get("GPU", 0.0)
        self.workers = self.workers or int(gpus) or cores or 1
        self.options = {
            "num_cpus": max(1, cores // self.workers),
            "num_gpus": min(1.0, gpus / self.workers),
        }


def _ray_resources(address: str | None, workers: int) -> dict[str, float]:
    """What a new Ray on this machine, or the cluster at `address`, has. Raises InputError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:  # else Ray would listen at this machine's address in the network
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    import ray

    local: dict[str, Any] = {
        "num_cpus": max(os.cpu_count() or 1, workers),
        "object_store_memory": STORE,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    place = {"address": "local", **local} if address is None else {"address": address}
    stopping = signal.getsignal(signal.SIGTERM)
    try:
        _check_answers(address)
        ray.init(**place, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of many kinds, such as where nothing answers
        where = "on this machine" if address is None else f"at {address}"
        raise InputError(
            f"Ray cannot be reached {where}: {first_line(error)}; --cluster takes auto, HOST:PORT "
            "or ray://HOST:PORT of a cluster that runs"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, stopping)  # Ray has put its own in the place of ours
    return dict(ray.cluster_resources())


def _check_answers(address: str | None) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself waits for many minutes."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS")
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


@dataclass(eq=False)
class Turn:
    """One work under way: which piece is at which worker, and how many workers died of it."""

    pool: RayPool
    sent: bytes
    waiting: deque[int]
    """Numbers of the pieces that no worker has."""
    ahead: int | None
    """How far after the first piece that is not done others are handed out; None: any."""
    running: dict[Any, tuple[Any, int | None]] = field(default_factory=dict)
    """By Ray's reference to what it does, a worker and the number of its piece; None: it opens."""
    free: list[Any] = field(default_factory=list)
    """Workers that are open and may not go further ahead."""
    deaths: Counter[int | None] = field(default_factory=Counter)

    def results(self, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """The number of each piece with its result, as they are done."""
        import ray

        opener, key = ray.put(self.sent), hashlib.sha256(self.sent).hexdigest()
        unheard, finished = 0, list[tuple[int, Any]]()
        while left := len(self.waiting) + len(self._busy()):
            while len(self.running) + len(self.free) < min(left, self.pool.workers or 1):
                worker = self.pool.take()
                self.running[worker.open.remote(key, opener)] = worker, None
            while self.free and self._may_go_on():
                worker, number = self.free.pop(), self.waiting.popleft()
                self.running[worker.do.remote(pieces[number])] = worker, number
            yield from finished  # while the workers go on
            done, _ = ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
            if not done:
                done, _ = ray.wait(list(self.running), timeout=1.0)
            unheard = 0 if done or self._busy() else unheard + 1
            if unheard > PATIENCE:
                raise InputError(
                    f"no worker could start in {PATIENCE} seconds; each asks for "
                    f"{self.pool.options}, and Ray has {ray.available_resources()}; choose another "
                    "number of --workers"
                )
            finished = [found for each in done for found in self._finished(each)]
        yield from finished

    def _finished(self, reference: Any) -> Iterator[tuple[int, Any]]:
        """The result of what is done, if it was a piece; the worker is free, or dead."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        worker, number = self.running.pop(reference)
        try:
            result = ray.get(reference)
        except RayTaskError as error:
            ray.kill(worker)
            raise (error.cause or PluginError(first_line(error))) from error
        except RayError as error:  # the worker died, or its machine
            ray.kill(worker)
            yield from self._died(number, first_line(error))
            return
        self.free.append(worker)
        if number is None:
            del self.deaths[None]
        else:
            yield number, result

    def _died(self, number: int | None, reason: str) -> Iterator[tuple[int, Lost]]:
        """Put the dead worker's piece back, or give it up."""
        self.deaths[number] += 1
        if number is None and self.deaths[None] > DEATHS * (self.pool.workers or 1):
            raise PluginError(
                f"{self.deaths[None]} workers died before they had opened the model: {reason}"
            )
        if number is not None and self.deaths[number] >= DEATHS:
            yield number, Lost(f"its worker died {DEATHS} times, the last time: {reason}")
        elif number is not None:
            self.waiting.appendleft(number)

    def _busy(self) -> list[int]:
        """Numbers of the pieces that workers have."""
        return [number for _, number in self.running.values() if number is not None]

    def _may_go_on(self) -> bool:
        """Whether another piece may be handed out."""
        if not self.waiting or self.ahead is None:
            return bool(self.waiting)
        return self.waiting[0] < min([*self._busy(), self.waiting[0]]) + self.ahead

    def end(self) -> None:
        """Leave free workers to the pool, and end those that are not."""
        import ray

        for worker, _ in self.running.values():
            ray.kill(worker)
        self.pool.idle += self.free
