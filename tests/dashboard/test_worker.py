"""Visitors' own models run in processes of their own, which are bounded and can be ended."""

from __future__ import annotations

import importlib
import os
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file

from interp.comparison.result import ComparisonRequest
from interp.errors import Cancelled, ModelError
from interp.evaluation.evaluate import evaluate
from interp.evaluation.folder import open_evaluation
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice, Request
from interp.run import fit, run
from interp.storage.image import open_image
from interp_dashboard import pool, turn
from interp_dashboard.choice.data import Data
from interp_dashboard.job import Job
from interp_dashboard.pool import Isolated, Pool
from interp_dashboard.session import registry
from interp_dashboard.turn import Turns
from interp_dashboard.work import ComparisonWork, FolderWork
from interp_dashboard.worker import Worker

TASKS = """
import os
import time
from interp.errors import InputError

def process(job):
    return os.getpid()

def niceness(job):
    return os.nice(0)

def prepare(job):
    os.environ["PREPARED"] = "yes"

def is_prepared(job):
    job.show(os.environ.get("PREPARED"))

def hang(job):
    job.show("begun")
    time.sleep(1000)

def patient(job):
    for number in range(100_000):
        time.sleep(0.02)
        job.pace.update("counting", number, 100_000)
        job.rest()

def memory(job):
    return len(bytearray(20 << 30))

def end(job):
    os._exit(7)

def fail(job):
    raise InputError("no such class; name another")

def mistake(job):
    raise KeyError("x")

def count(job):
    for number in range(3):
        job.pace.update("counting", number, 3)
        job.show(number)
        job.rest()
"""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A module that the processes can import too."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "worker_tasks.py").write_text(TASKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        yield importlib.import_module("worker_tasks")


@pytest.fixture(scope="module")
def worker(tasks):
    found = Worker(limited=True)
    yield found
    found.close()


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_does_one_task_after_another(worker, tasks):
    first = worker.do(tasks.process)
    assert first != os.getpid()
    assert worker.do(tasks.process) == first


def test_pages_go_before_jobs(worker, tasks):
    assert worker.do(tasks.niceness) > os.nice(0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fail", r"^no such class; name another$"),
        ("mistake", r"KeyError: 'x'; this is a mistake of ours"),
        ("memory", r"needs more than 4 GB"),
        ("end", r"ended with code 7"),
    ],
)
def test_a_failure_is_told_and_the_next_task_is_done(worker, tasks, name, told):
    with pytest.raises(ModelError, match=told):
        worker.do(getattr(tasks, name))
    assert worker.do(tasks.process) > 0


def test_a_silent_task_is_ended(worker, tasks):
    process = worker.do(tasks.process)
    with pytest.raises(ModelError, match=r"did not answer within 0\.5 s"):
        worker.do(tasks.hang, silence=0.5)
    assert not alive(process)


def test_a_worker_that_nobody_holds_is_ended(tasks):
    found = Worker()
    process = found.do(tasks.process)
    assert alive(process)
    del found
    assert not alive(process)


def test_progress_and_results_reach_the_job(tasks):
    job = Job(Isolated(tasks.count)).start()
    assert job.wait(60)
    assert (job.result, job.version, job.error) == (2, 3, None)
    assert (job.pace.label, job.pace.done, job.pace.total) == ("counting", 2, 3)


def test_a_job_that_hangs_is_stopped_at_once_and_hinders_nobody(tasks):
    hanging = Job(Isolated(tasks.hang)).start()
    until(lambda: hanging.version == 1)
    begun = time.monotonic()
    other = Job(Isolated(tasks.count, limited=False)).start()
    assert other.wait(60), "a job waited for one that hangs"
    hanging.stop()
    stopped = time.monotonic()
    assert hanging.wait(10)
    assert time.monotonic() - stopped < 20  # two seconds on a machine at rest
    assert stopped - begun < 60


def test_a_process_outlives_a_job_that_was_cancelled(worker, tasks):
    process = worker.do(tasks.process)
    job = Job(tasks.patient)
    threading.Timer(0.5, job.stop).start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        worker.do(tasks.patient, job)
    assert time.monotonic() - begun < 20  # two seconds on a machine at rest
    assert worker.do(tasks.process) == process


def test_jobs_have_their_turns_and_the_process_of_one_that_rests_is_still(tasks, monkeypatch):
    """One place: a job that never ends gives way to one that came later, and goes on."""
    monkeypatch.setattr(turn, "SLICE", 0.3)
    shared = Pool(1, 3)
    monkeypatch.setattr(pool, "pool", lambda: shared)
    long = Job(Isolated(tasks.patient, limited=False)).start()
    until(lambda: long.pace.done > 3)
    short = Job(Isolated(tasks.count, limited=False)).start()
    until(lambda: "another run has its turn" in long.pace.label)
    assert short.wait(60)
    done = long.pace.done
    until(lambda: long.pace.done > done + 3)
    long.stop()
    assert long.wait(10)
    shared.close()


def test_a_short_job_works_to_its_end_before_a_long_one_goes_on(monkeypatch):
    """It is interrupted only when it has had as many slices as count."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(turn, "time", clock)
    turns, ended = Turns(1, 3), threading.Event()
    long, short = (Job(lambda job: None) for _ in range(2))
    with turns.turn(long):
        clock.now = turn.SHORT * turn.SLICE
        assert not turns.due(long), "nobody waits"
        brief = threading.Thread(target=entered, args=(turns, short, ended.wait))
        brief.start()
        until(lambda: turns._waiting)
        assert turns.due(long)
        back = threading.Thread(target=turns.pass_on, args=[long])
        back.start()
        until(lambda: short in turns._working and long in turns._waiting)
        clock.now += turn.SHORT * turn.SLICE - 0.1
        assert not turns.due(short)
        clock.now += 0.2
        assert turns.due(short), "it is no longer short"
        ended.set()
        brief.join(10)
        back.join(10)
        assert long in turns._working


def test_a_job_behind_others_finds_a_process_that_is_prepared(tasks, monkeypatch):
    """However many have begun: nobody waits for libraries, as long as one more may begin."""
    shared = Pool(1, 4)
    monkeypatch.setattr(pool, "pool", lambda: shared)
    shared.warm(tasks.prepare)
    begun = [Job(Isolated(tasks.patient, limited=False)).start() for _ in range(3)]
    until(lambda: len(shared.turns._begun) == 3)
    until(lambda: shared._idle)
    late = Job(Isolated(tasks.is_prepared, limited=False)).start()
    assert late.wait(60)
    assert late.result == "yes"
    for each in begun:
        each.stop()
    assert all(each.wait(60) for each in begun)
    shared.close()


def test_who_waits_is_told_the_place(tasks):
    turns = Turns(1, 1)
    first, second, third = (Job(lambda job: None) for _ in range(3))
    with turns.turn(first):
        threads = [threading.Thread(target=entered, args=(turns, each)) for each in (second, third)]
        for at, each in enumerate(threads):
            each.start()
            until(lambda at=at: len(turns._waiting) == at + 1)
        until(lambda: third.pace.label == "waiting for your turn; 1 run before yours")
        assert second.pace.label == "waiting for your turn; yours is the next"
        assert not turns.due(first), "there is no room for another that has begun"
    for each in threads:
        each.join(10)
        assert not each.is_alive()


def entered(turns, job, work=lambda: None):
    with turns.turn(job):
        work()


def until(condition):
    limit = time.monotonic() + 90
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)
    assert condition()


def test_a_cancelled_task_raises(worker, tasks):
    job = Job(tasks.hang)
    threading.Timer(1.0, job.stop).start()
    with pytest.raises(Cancelled):
        worker.do(tasks.hang, job)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "fit", "evaluate", "compare"])
def test_a_process_and_this_one_give_the_same(verb, tmp_path, started):
    """The same folder, with the same numbers in it, by whichever way it is made."""
    started()
    image = open_image(registry().get("sample", "two"))
    methods = (Choice(name="gradcam"), Choice(name="rise", params={"samples": 100}))
    name, data = "creatures-resnet", Data("creatures", 10)

    def work(place):
        if verb == "compare":
            return ComparisonWork(place, ComparisonRequest(methods=methods), {"two": image}, True)
        if verb == "evaluate":
            metrics = (Choice(name="pointing"),)
            asked = EvaluationRequest(methods=methods, metrics=metrics, data="creatures")
            return FolderWork(place, verb, asked, evaluate, data)
        if verb == "fit":
            asked = Request(method="chip", data="creatures", model=name, params={"masks": 200})
            return FolderWork(place, verb, asked, fit, data)
        asked = Request(method="rise", model=name, params={"samples": 100})
        return FolderWork(place, verb, asked, partial(run, images=[image]), "two")

    found = []
    for way in (lambda task: task, Isolated):
        place = tmp_path / way.__name__.strip("<>")
        job = Job(way(work(place))).start()
        assert job.wait(240)
        assert job.error is None
        folder = job.result if isinstance(job.result, Path) else job.result.folder
        if verb == "evaluate":
            values = open_evaluation(folder).values
            found.append({each.name: values("pointing", each.name) for each in methods})
        else:
            files = sorted(folder.rglob("*.safetensors"))
            found.append({each.relative_to(place): load_file(each) for each in files})
        assert all(found[-1].values())
    assert found[0].keys() == found[1].keys()
    for each, arrays in found[0].items():
        for key, values in arrays.items():
            np.testing.assert_allclose(found[1][each][key], values, rtol=1e-5, atol=1e-6)
