"""Ray on this machine: two nodes, killed workers and a killed node change no result."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.folder_commands import COMMANDS, assert_equal, without_times
from support.pieces import POISON, opened, opened_process
from support.ray_cluster import Killer, TwoNodes, two_nodes

from interp.cluster import ray_pool
from interp.cluster.pool import Lost
from interp.cluster.ray_pool import DEATHS, RayPool
from interp.context import Budget
from interp.errors import InputError
from interp.registry import Registry
from interp.request import Request
from interp.run_folder import run_folder
from interp.session import Session

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
KILLS = 5
"""Workers that are killed in each command."""
# a shell that starts a test run in the background leaves the signal ignored
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from interp.cli import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Scores of one thread differ from those of two in their last digits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def nodes(one_thread: None) -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


@pytest.fixture
def pool(nodes: TwoNodes) -> Iterator[RayPool]:
    """Two workers, one on each node."""
    nodes.complete()
    with RayPool(2, nodes.address) as found:
        yield found


def mapped(pool: RayPool, failure: str = "", **options: Any) -> dict[int, Any]:
    return dict(pool.map(abs, range(8), partial(opened, failure), **options))


def test_every_piece_is_done(pool: RayPool) -> None:
    assert mapped(pool) == {each: each * each for each in range(8)}


def test_ordered_results_come_in_order(pool: RayPool) -> None:
    assert list(mapped(pool, "slow", ordered=True)) == list(range(8))


def test_both_nodes_work_and_workers_stay(pool: RayPool) -> None:
    first = set(dict(pool.map(abs, range(10), opened_process)).values())
    again = set(dict(pool.map(abs, range(10), opened_process)).values())
    assert len(first) == 2 and again == first


def test_a_piece_that_kills_its_worker_fails_alone(pool: RayPool) -> None:
    found = mapped(pool, "killed")
    lost = found.pop(POISON)
    assert isinstance(lost, Lost) and f"died {DEATHS} times" in lost.reason
    assert found == {each: each * each for each in range(8) if each != POISON}


@pytest.mark.parametrize(
    ("failure", "words"), [("error", "found no image 3"), ("opening", "found no model.onnx")]
)
def test_an_error_is_raised_as_it_was(pool: RayPool, failure: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        mapped(pool, failure)
    assert len(mapped(pool)) == 8


def test_a_cluster_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"Ray cannot be reached at 127\.0\.0\.1:1: .*refused"):
        mapped(RayPool(2, "127.0.0.1:1"))


@pytest.mark.parametrize("command", COMMANDS)
def test_two_nodes_give_what_one_process_gives(
    command: str, pool: RayPool, photos: Path, tmp_path: Path, registry: Registry, alone: Any
) -> None:
    session = Session(registry, pool=pool)
    assert_equal(COMMANDS[command](photos, tmp_path / "out", session), alone(command, photos))


@pytest.mark.parametrize("layout", ["folders", "parts"])
def test_two_nodes_explain_the_same_batches(
    layout: Any, pool: RayPool, many_photos: Path, tmp_path: Path, registry: Registry
) -> None:
    request = Request(method="gradcam", data=str(many_photos), budget=Budget(batch_size=2))
    made = []
    for name, session in (("alone", Session(registry)), ("shared", Session(registry, pool=pool))):
        found = run_folder(request, tmp_path / name, session, layout=layout)
        facts = without_times([each.model_dump(mode="json") for each in found.entries])
        maps = {each.name: found.explanation(each.name).map() for each in found.entries}
        made.append((facts, maps))
    assert len(made[0][0]) == 16
    assert_equal(*made)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_node_loses_nothing(
    command: str,
    nodes: TwoNodes,
    pool: RayPool,
    photos: Path,
    tmp_path: Path,
    registry: Registry,
    alone: Any,
) -> None:
    def kill(label: str, done: int, total: int | None) -> None:
        if done and label != "choosing images":
            nodes.kill_node()

    session = Session(registry, progress=kill, pool=pool)
    assert_equal(COMMANDS[command](photos, tmp_path / "out", session), alone(command, photos))
    assert nodes.other is None


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_workers_lose_nothing(
    command: str,
    nodes: TwoNodes,
    pool: RayPool,
    many_photos: Path,
    tmp_path: Path,
    registry: Registry,
    alone: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_pool, "DEATHS", KILLS + 1)  # chance may choose one piece many times
    killer = Killer(nodes, KILLS, random.Random(command))
    session = Session(registry, progress=killer, pool=pool)
    assert_equal(
        COMMANDS[command](many_photos, tmp_path / "out", session), alone(command, many_photos)
    )
    assert killer.killed == KILLS


def test_ctrl_c_leaves_a_folder_that_goes_on(
    many_photos: Path, tmp_path: Path, registry: Registry, alone: Any
) -> None:
    """Two workers are stopped in the middle by the command's signal; one process goes on."""
    words = ["run", "--plugin", "rise", "--data", str(many_photos), "--budget", "30"]
    running = subprocess.Popen(
        [sys.executable, "-c", START, *words, "--out", "out", "--workers", "2"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    while running.poll() is None and len(list(tmp_path.glob("out/0*"))) < 3:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    whole = len(list(tmp_path.glob("out/0*")))
    assert running.returncode == 130 and whole < 16
    assert errors.splitlines()[-1] == (
        f"error: stopped; {whole} of the images are whole in out, and the same command with "
        "--out out goes on"
    )
    found = COMMANDS["run"](many_photos, tmp_path / "out", Session(registry))
    assert_equal(found, alone("run", many_photos))


def test_the_pages_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from support.pages import ROOT, blocks

    text = (ROOT / "docs/cluster.md").read_text("utf-8")
    (code,) = (each.code for each in blocks(text) if "RayPool" in each.code)
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number in range(3):
        pixels = np.full((24, 24, 3), 80 * number, np.uint8)
        Image.fromarray(pixels).save(f"photos/{number}.png")
    code = code.replace("workers=8", "workers=2").replace('"photos")', '"photos", budget=budget)')
    exec(code, {"budget": Budget(samples=64)})
    assert len(list(Path("explained").glob("*/manifest.json"))) == 3
