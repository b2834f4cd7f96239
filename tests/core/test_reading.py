"""What is read from disk: bounded, whole, and one line where it is anything else."""

from __future__ import annotations

import json
import os
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import interp
from interp.cli import main
from interp.comparison.result import Comparison
from interp.errors import InputError, InterpError, ModelError, RegistryError
from interp.evaluation.folder import open_evaluation
from interp.knowledge import Knowledge
from interp.result.bundle import open_bundle
from interp.storage.folder import MANIFEST, read_json, seal
from interp.storage.model_card import read_classes
from interp.storage.text_file import read_text
from interp.storage.yaml_file import parse_yaml, read_yaml
from interp_torch.derived import read_recipe

YESTERDAY = Path(__file__).parent.parent / "yesterday"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise("abcdefghi")
)


def test_a_bomb_of_aliases_is_refused_before_it_is_built():
    with pytest.raises(yaml.YAMLError, match="200,000 parts"):
        parse_yaml(BOMB)


def test_deep_nesting_is_refused():
    with pytest.raises(yaml.YAMLError, match="deeper than 100"):
        parse_yaml("[" * 500 + "]" * 500)
    assert parse_yaml("[" * 99 + "]" * 99)


def test_an_anchor_is_an_ordinary_value():
    text = "base: &base {size: [1, 2], mean: .5}\nother: *base\n"
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize("read", [read_text, read_yaml, read_json, read_classes])
def test_devices_and_folders_are_no_files(read, tmp_path):
    for place in (Path("/dev/zero"), tmp_path):
        with pytest.raises((InputError, RegistryError, ModelError), match="is not a file"):
            read(place)


@pytest.mark.parametrize(
    "table", ["index\tname\nx\ta", "index\n1", "index\tname\n1", f"name\n{'x' * 200_000}"]
)
def test_a_table_of_names_that_is_none_is_one_line(tmp_path, table):
    path = tmp_path / "names.tsv"
    path.write_text(table)
    with pytest.raises(ModelError, match="class names cannot be read") as caught:
        read_classes(path)
    assert "\n" not in str(caught.value)


def test_a_large_file_is_not_read(tmp_path):
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(RegistryError, match=r"5,369 MB; expected at most 4 MB"):
        read_yaml(tmp_path / "large.yaml")
    with pytest.raises(InputError, match="expected at most"):
        read_json(tmp_path / "large.yaml")


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "nul", '{"a": 1} x', "\udcff"])
def test_json_that_is_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("flag", ["--registry", "--classes"])
def test_the_command_line_reads_no_device(flag, capsys):
    assert main(["predict", flag, "/dev/zero"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bomb_on_the_command_line(capsys):
    words = ["run", "--plugin", "rise", "--set", f"samples={{{BOMB.replace(chr(10), ', ')}}}"]
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


OPENED = {
    "run-chip": open_bundle,
    "run-csg": open_bundle,
    "comparison": Comparison.open,
    "evaluation": open_evaluation,
    "chip-known": Knowledge.open,
    "csg-trained": lambda place: Knowledge.open(place) and read_recipe(place),
}


def mutated(text: str, draw: random.Random) -> str:
    """JSON with one value, key or piece of its text changed."""
    value = json.loads(text)
    places = []

    def walk(part: object) -> None:
        if isinstance(part, dict | list):
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            places.extend((part, key) for key in keys)
            for key in keys:
                walk(part[key])

    walk(value)
    part, key = draw.choice(places)
    change = draw.choice(["drop", "replace", "cut"])
    if change == "drop":
        del part[key]
    elif change == "replace":
        part[key] = draw.choice(
            [None, -1, 1e308, "", "../..", [], {}, [[[]]], {"a": None}, "é" * 300]
        )
    made = json.dumps(value)
    return made if change != "cut" else made[: draw.randrange(len(made))]


@pytest.mark.parametrize("name", OPENED)
def test_a_damaged_folder_is_one_line_whatever_is_damaged(name, tmp_path):
    """Also where the checksums were made again, so that they do not give it away."""
    draw = random.Random(name)
    for number in range(40):
        place = tmp_path / str(number)
        shutil.copytree(YESTERDAY / name, place)
        files = sorted(place.rglob("*.json"))
        file = draw.choice(files)
        file.write_text(mutated(file.read_text("utf-8"), draw), "utf-8")
        if file.name != MANIFEST and draw.random() < 0.8:
            kind = json.loads((place / MANIFEST).read_text("utf-8"))["kind"]
            (place / MANIFEST).unlink()
            seal(place, {"kind": kind})
        told = ""
        try:
            OPENED[name](place)
        except InterpError as error:
            told = str(error)
        assert "\n" not in told
        assert not told or str(place) in told


def test_an_altered_trained_model_is_refused(tmp_path):
    place = tmp_path / "trained"
    shutil.copytree(YESTERDAY / "csg-trained", place)
    weights = place / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"weights\.safetensors is missing or was altered"):
        interp.open_model(str(place))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        read_text(tmp_path / "pipe")
