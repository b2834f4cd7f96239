"""The job files of docs/cluster, run as far as one machine can."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.ray_cluster import two_nodes

from interp.storage.folder import read_json

JOBS = Path(__file__).parents[2] / "docs/cluster"
pytestmark = pytest.mark.slow


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment in which `interp` is this one."""
    program = tmp_path / "bin/interp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/bash\nexec {sys.executable} -m interp "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def test_tasks_of_a_job_array_fill_one_folder(
    photos: Path, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    for task in ("0", "1"):
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2"}
        words = ["bash", str(JOBS / "slurm_array.sh"), str(photos), str(tmp_path / "out")]
        subprocess.run(words, env=surroundings | array, check=True, timeout=200)
    assert read_json(tmp_path / "out/index.json")["whole"] == 5


def test_the_command_of_the_kubernetes_job(
    photos: Path, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    pytest.importorskip("ray")
    job = yaml.safe_load((JOBS / "rayjob.yaml").read_text())
    words = shlex.split(job["spec"]["entrypoint"])
    places = {"/shared/photos": str(photos), "/shared/explained": str(tmp_path / "out")}
    with two_nodes() as nodes:
        nodes.complete()
        subprocess.run(
            [places.get(each, each) for each in words],
            env=surroundings | {"RAY_ADDRESS": nodes.address},  # as the operator sets it
            check=True,
            timeout=200,
        )
    assert read_json(tmp_path / "out/index.json")["whole"] == 5


@pytest.mark.parametrize("name", ["slurm_array.sh", "slurm_ray.sh"])
def test_job_scripts_can_be_parsed(name: str) -> None:
    subprocess.run(["bash", "-n", JOBS / name], check=True)
