"""Commands killed, run twice at once, without room: the same answer, nothing lost, nothing left."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from robustness.kill import Trial, say, table
from robustness.kill_bench import COMMANDS, Bench, run
from robustness.kill_child import Disturbance

QUICK = ("run", "run --data", "compare", "evaluate", "fit csg")
ALL = [
    each if each in {"run --data", "fit csg"} else pytest.param(each, marks=pytest.mark.slow)
    for each in COMMANDS
    if each != "rerun alone"  # which writes nothing that stays
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("kill") / "bench")


def test_ten_kills(bench, capsys):
    check(bench, QUICK, 10, capsys)


@pytest.mark.slow
def test_two_hundred_kills(bench, capsys):
    check(bench, list(COMMANDS), 200, capsys)


def check(bench, names, count, capsys):
    with capsys.disabled():
        text, wrong, kills = table(bench, names, count)
        say(f"\n{text}")
    assert not wrong, "; ".join(f"{each.folder}: {each.faults}" for each in wrong)
    assert kills == count


@pytest.mark.parametrize("name", ALL)
def test_no_room(bench, name):
    """One line that names the file; what was kept is gone on from once there is room."""
    for seed in range(2):
        trial = Trial(bench, name)
        trial.without_room(random.Random(seed))
        trial.finish(COMMANDS[name])
        trial.close()
        assert not trial.faults, f"{trial.folder}: {trial.faults}"


@pytest.mark.parametrize("name", ALL)
def test_two_processes_at_once(bench, name):
    """One makes the output; the other too, or says in one line why not."""
    for seed in range(2):
        trial = Trial(bench, name)
        codes = [each.code for each in trial.together(random.Random(seed))]
        trial.close()
        assert not trial.faults, f"{trial.folder}: {trial.faults}"
        if name == "run --data":  # several processes may share the folder
            assert codes == [0, 0]


@pytest.mark.parametrize("name", ALL)
def test_the_working_directory_is_removed(bench, name):
    changes = bench.in_peace(name)[0].changes
    trial = Trial(bench, name)
    ended = run(COMMANDS[name], trial.folder, Disturbance(at=max(1, changes // 2), kind="gone"))
    assert ended.code in (0, 2), ended.err
    if ended.code:
        trial.check_one_line(ended)
    assert not trial.faults


def test_the_killer_sees_what_is_lost_left_and_changed(bench):
    name = "fit csg"
    trial = Trial(bench, name)
    run(COMMANDS[name], trial.folder, Disturbance(at=bench.in_peace(name)[0].changes * 2 // 3))
    shutil.rmtree(trial.folder / "out.partial")
    trial.finish(COMMANDS[name])
    assert trial.faults.keys() == {"lost"}
    (trial.folder / ".out-half").touch()
    Path(trial.folder / "out" / "knowledge.json").write_text("{}")
    trial.compare()
    assert trial.faults.keys() == {"lost", "leftovers", "other answer"}
