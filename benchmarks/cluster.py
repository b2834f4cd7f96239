"""What large works cost on many workers: measured on this machine, and simulated from that.

python benchmarks/cluster.py
Writes benchmarks/results/cluster.json. Measured, with two workers on Ray: the start of a worker,
the command's seconds for an empty piece, and those for the sums of a piece of CHIP of 1,000 classes
and 1,280 channels. Simulated: 10^9 perturbed networks and 10^7 images on 8, 64 and 512 workers that
die now and then, with results that the command takes one after another. The seconds of an image and
the networks per second of a worker are assumptions, given in the result.
"""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from cluster_pieces import CHANNELS, CLASSES, opened
from record import record

from interp.cluster.ray_pool import AHEAD, RayPool
from interp_chip.moments import FactoredMoments

WORKERS = (8, 64, 512)
NETWORKS = 1024
"""Perturbed networks of an image in one piece of CHIP."""
DEATHS_PER_HOUR = 0.02
"""Of a worker: one in fifty hours, as on machines that may be taken back."""
BANDWIDTH = 1.25e9
"""Bytes per second into the machine of the command: 10 Gbit/s."""


@dataclass(frozen=True)
class Work:
    """Pieces of `seconds` each, of which the command takes `taking` to add a result."""

    name: str
    pieces: int
    seconds: float
    taking: float
    bytes: float
    ordered: bool


@dataclass(frozen=True)
class Outcome:
    """What a work costs."""

    workers: int
    hours: float
    efficiency: float
    """Share of the workers' time that makes results."""
    command_busy: float
    """Share of the time in which the command takes results; near 1 it is what limits."""
    lost: int
    """Pieces that were done again."""


def main() -> None:
    measured = measure()
    record("cluster", {"measured": measured, "simulated": list(map(simulated, works(measured)))})


def measure() -> dict[str, float]:
    """Seconds of a worker's start, of an empty piece, and of taking the sums of one of CHIP."""
    with RayPool(2) as pool:
        begun = time.perf_counter()
        list(pool.map(abs, range(2), partial(opened, 0)))
        start = time.perf_counter() - begun
        empty = _seconds(pool, partial(opened, 0), 500, bool)
        moments = FactoredMoments.empty("m", CLASSES, CHANNELS)
        sums = _seconds(pool, partial(opened, 1), 30, moments.add_cell)
    return {"start_s": start, "empty_piece_s": empty, "chip_piece_s": sums}


def _seconds(
    pool: RayPool, reopen: Callable[[], Any], count: int, take: Callable[[Any], Any]
) -> float:
    """Processor seconds of the command for each piece, after a first one."""
    list(pool.map(abs, range(2), reopen))
    begun = time.process_time()
    for _, found in pool.map(abs, range(count), reopen):
        take(found)
    return (time.process_time() - begun) / count


def works(measured: dict[str, float]) -> list[Work]:
    """10^9 networks at 2,000 a second and worker, by images in a piece; 10^7 images, by method."""
    empty, chip, size = (
        measured["empty_piece_s"],
        measured["chip_piece_s"],
        8.0 * CLASSES * CHANNELS,
    )
    found = []
    for images in (1, 8, 32):
        count = images * NETWORKS
        facts = 10**9 // count, count / 2000, chip, size
        found.append(Work(f"10^9 networks, {images} images in a piece", *facts, ordered=True))
    for method, seconds in (("gradcam", 0.1), ("rise", 5.0)):
        name = f"10^7 images by {method}, {seconds} s each"
        found.append(Work(name, 10**7, seconds, empty, 1000, ordered=False))
    return found


def simulated(work: Work) -> dict[str, Any]:
    """The work on each number of workers. Long works are cut to 200 pieces for each worker."""
    outcomes = [asdict(simulate(work, each)) for each in WORKERS]
    return {**asdict(work), "outcomes": outcomes}


def simulate(work: Work, workers: int, restart: float = 10.0, seed: int = 0) -> Outcome:
    """Event by event: workers ask for pieces, die, and hand results to one command."""
    drawn = random.Random(seed)
    count = min(work.pieces, 200 * workers)
    waiting, unfinished = deque(range(count)), set(range(count))
    ahead = AHEAD * workers if work.ordered else count
    free: list[tuple[float, int]] = [(0.0, each) for each in range(workers)]
    arriving: list[tuple[float, int]] = []
    command, useful, taken, lost, first = 0.0, 0.0, 0.0, 0, 0
    heapq.heapify(free)
    taking = work.taking + work.bytes / BANDWIDTH
    while unfinished:
        now, worker = free[0] if free else (float("inf"), -1)
        if waiting and waiting[0] < first + ahead and (not arriving or now <= arriving[0][0]):
            heapq.heappop(free)
            piece, spent = waiting.popleft(), work.seconds * drawn.uniform(0.8, 1.2)
            begun = max(now, command)  # the command hands out pieces between two results
            dies = drawn.expovariate(DEATHS_PER_HOUR / 3600)
            if dies < spent:
                waiting.appendleft(piece)
                lost += 1
                heapq.heappush(free, (begun + dies + restart, worker))
                continue
            useful += spent
            heapq.heappush(arriving, (begun + spent, piece))
            heapq.heappush(free, (begun + spent, worker))
            continue
        arrived, piece = heapq.heappop(arriving)
        command = max(command, arrived) + taking
        taken += taking
        unfinished.discard(piece)
        while first < count and first not in unfinished:
            first += 1
    scale = work.pieces / count
    hours = command * scale / 3600
    share = useful / (command * workers)
    return Outcome(workers, round(hours, 2), round(share, 3), round(taken / command, 3), lost)


if __name__ == "__main__":
    main()
