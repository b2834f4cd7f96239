"""Checkpoints as training scripts leave them: what opens, what is told, what is refused."""

from __future__ import annotations

import argparse
import pathlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp_torch.weights import load_weights


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = Net()


class Config:
    """A class of the user's own."""


class Command:
    """Would run a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, ("echo run > /tmp/was_run_by_interp",)


def state() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return Net().state_dict()


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": each for name, each in tensors.items()}


FORMS = {
    "plain.pth": lambda s: s,
    "state_dict.pth": lambda s: {"state_dict": s},
    "tutorial.pth": lambda s: {"epoch": 3, "model_state_dict": s, "loss": 0.1},
    "torchvision.pth": lambda s: {"model": s, "args": argparse.Namespace(lr=0.1)},
    "odd.pth": lambda s: {"trained": {"best": s}, "step": 4},
    "lightning.ckpt": lambda s: {"state_dict": under("model.", s), "epoch": 1},
    "parallel.pt": lambda s: under("module.", s),
    "compiled.th": lambda s: under("_orig_mod.", s),
    "compiled_part.pth": lambda s: {
        name.replace("stem.", "stem._orig_mod."): each for name, each in s.items()
    },
    "nested.pth": lambda s: {"state_dict": under("model.module.", s)},
    "averaged.pth": lambda s: {"n_averaged": torch.tensor(4), **under("module.", s)},
    "scalar.pth": lambda s: {"state_dict": s, "best": np.float64(0.9), "seen": np.int64(3)},
    "arrays.pth": lambda s: {"model": s, "curve": np.ones(3), "out": pathlib.PosixPath("runs")},
    "numpy.pth": lambda s: {name: each.numpy() for name, each in s.items()},
    "optimizer.pth": lambda s: {
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "log": defaultdict(list)},
        "network": s,
    },
    "plain.bin": lambda s: s,
    "checkpoint.pth.tar": lambda s: {"state_dict": s},
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_trainers(name: str, tmp_path: Path) -> None:
    wanted = state()
    torch.save(FORMS[name](wanted), tmp_path / name)
    net = Net()
    notes = load_weights(net, tmp_path / name)
    for key, each in net.state_dict().items():
        assert torch.equal(each, wanted[key])
    assert len(notes) == (0 if name in ("plain.pth", "plain.bin", "numpy.pth") else 1)


def test_what_was_chosen_is_told(tmp_path: Path) -> None:
    path, wanted = tmp_path / "last.ckpt", state()
    content = {**under("net.", wanted), "criterion.weight": torch.ones(3)}
    torch.save({"state_dict": content}, path)
    (note,) = load_weights(Net(), path)
    assert note == (
        "weights file: read from 'state_dict'; names without 'net.'; not used: criterion.weight"
    )
    other = {name: each + 1 for name, each in wanted.items()}
    torch.save({"model_ema": other, "model": wanted}, path)
    net = Net()
    notes = load_weights(net, path)
    assert torch.equal(net.fc.bias, wanted["fc.bias"])
    assert notes[1] == "weights file: 'model_ema' would fit as well"
    torch.save({**under("student.", wanted), **under("teacher.", other)}, path)
    assert "'teacher.' would fit as well" in load_weights(net, path)[1]


def test_a_prefix_that_the_file_lacks(tmp_path: Path) -> None:
    wanted, whole = state(), Wrapped()
    torch.save(wanted, tmp_path / "net.pth")
    notes = load_weights(whole, tmp_path / "net.pth")
    assert notes == ("weights file: names with 'backbone.' before them",)
    assert torch.equal(whole.backbone.fc.bias, wanted["fc.bias"])


def refused(content: object, path: Path) -> str:
    torch.save(content, path)
    with pytest.raises(ModelError) as caught:
        load_weights(Net(), path)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    return str(caught.value)


def test_pickled_objects_are_named_and_never_made(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    message = refused({"model": state(), "config": Config()}, path)
    assert "a pickled" in message and "Config" in message
    assert "torch.save(model.state_dict(), FILE)" in message
    assert "torch.nn.modules.conv.Conv2d" in refused(nn.Conv2d(3, 4, 3), path)
    ran = Path("/tmp/was_run_by_interp")
    assert "posix.system" in refused({"model": state(), "more": Command()}, path)
    assert not ran.exists()


def test_what_holds_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    assert "hold a dict of epoch, loss; expected named tensors" in refused(
        {"epoch": 3, "loss": 0.1}, path
    )
    assert "missing stem.weight" in refused({"model": {"other": torch.ones(1)}}, path)
    assert "unexpected more" in refused({**state(), "more": torch.ones(1)}, path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="no file of named tensors"):
        load_weights(Net(), path)
