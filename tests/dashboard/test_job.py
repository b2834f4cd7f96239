"""Work in the background: results as they come, one at a time, and nothing after its end."""

from __future__ import annotations

import threading
import time

import pytest

from interp.errors import Cancelled, InputError
from interp_dashboard import job as jobs
from interp_dashboard.job import Job


def endless(job):
    """Shows something, then works until it is cancelled."""
    job.show("first look")
    while not job.cancelled():
        time.sleep(0.01)
    raise Cancelled("stopped")


def until(condition):
    limit = time.monotonic() + 10
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    assert condition()


def test_results_come_one_after_another():
    def work(job):
        job.show("quick")
        job.rest()
        job.show("whole")

    job = Job(work).start()
    assert job.wait(10)
    assert (job.result, job.version, job.error) == ("whole", 2, None)


@pytest.mark.parametrize(
    ("raised", "told"),
    [(InputError("no image"), "no image"), (KeyError("x"), "a mistake of ours")],
)
def test_a_failure_is_told(raised, told):
    def fail(job):
        job.show(1)
        raise raised

    job = Job(fail).start()
    assert job.wait(10)
    assert told in job.error
    assert job.result == 1


def test_cancel_leaves_nothing_running():
    before = threading.active_count()
    job = Job(endless).start()
    until(lambda: job.version == 1)
    assert job.running
    job.stop()
    assert job.wait(10)
    assert threading.active_count() == before
    assert not jobs.TURN.locked()
    assert job.error is None


def test_a_closed_browser_ends_the_work(monkeypatch):
    monkeypatch.setattr(jobs, "GRACE", 0.2)
    there = threading.Event()
    there.set()
    job = Job(endless, watched=there.is_set).start()
    until(lambda: job.version == 1)
    time.sleep(0.4)
    assert job.running
    there.clear()
    assert job.wait(10)


def test_jobs_take_turns_and_one_that_waits_can_be_stopped():
    working = threading.Event()

    def busy(job):
        working.set()
        while not job.cancelled():
            time.sleep(0.01)

    first = Job(busy).start()
    assert working.wait(10)
    second = Job(endless).start()
    until(lambda: "waiting" in second.pace.label)
    assert second.version == 0
    second.stop()
    assert second.wait(10)
    third = Job(lambda job: job.show(3)).start()
    first.stop()
    assert first.wait(10)
    assert third.wait(10)
    assert third.result == 3


def test_between_its_steps_a_job_lets_others_work():
    def steps(job):
        for each in range(20):
            time.sleep(0.02)
            job.show(each)
            job.rest()

    long = Job(steps).start()
    until(lambda: long.version >= 1)
    short = Job(lambda job: job.show("seen")).start()
    assert short.wait(10)
    assert long.running
    assert long.wait(10)
