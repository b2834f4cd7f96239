"""A method that trains, on a network and a folder that it was not developed on.

python benchmarks/unseen.py [--method decoupling --seeds N --work DIR]
scikit-learn's handwritten digits as a folder per class; benchmarks/unseen_network.py, trained on
them. `interp fit` is killed and goes on; its twin has the same budget. What comes out is explained
by every other method, in PyTorch and as ONNX. Writes benchmarks/results/METHOD_unseen.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from decoupling_study import auc, versions_of
from record import record
from safetensors.torch import save_file
from unseen_network import digits

import interp
from interp.context import Context
from interp.dataset import Dataset, open_dataset
from interp.errors import InterpError
from interp.evaluation.bootstrap import compare
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.params import Params
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.training.samples import labelled
from interp_csg.features import read_features
from interp_csg.metric.mutual import table
from interp_decoupling.knowledge import DecouplingKnowledge
from interp_decoupling.metric import PathDetectionParams

HERE = Path(__file__).parent
AROUND = {**os.environ, "PYTHONPATH": str(HERE)}
"""Where commands find the network."""
SIDE, TRAINED = 32, 1200
INPUT = f"size={SIDE},mean=.5,.5,.5,std=.25,.25,.25"
TRAINING = {
    "decoupling": "--epochs 20 --batch-size 32 --flip off --pad 2",
    "csg": "--epochs 30 --batch-size 32 --flip off --pad 2 --sparsity 1",
}
LAST = "last"
"""The layer whose pooled maps are features."""
ATTACKED = ("fgsm", "pgd")
STRENGTHS = (4, 16)
"""eps of an attack, in 255ths."""
LEARNED, REPEATS = 10, 10
"""Images a class that a detector learns from, and draws of these."""
FITTED = {"chip": "--images 10 --masks 200", "explainer": "--epochs 2"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=TRAINING, default="decoupling")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "unseen")
    arguments = parser.parse_args()
    work = arguments.work
    _draw(work)
    plain = _plain(work)
    rows = [_seed(arguments.method, work, seed) for seed in range(1, arguments.seeds + 1)]
    found = {
        "training": TRAINING[arguments.method],
        "plain_accuracy": plain,
        "seeds": rows,
        "explained": _explained(arguments.method, work, work / f"{arguments.method}-1"),
    }
    record(f"{arguments.method}_unseen", found)


def _draw(work: Path) -> None:
    """Digits of 8 x 8 cells, enlarged: WORK/train and WORK/test, a folder per class."""
    import cv2
    from sklearn.datasets import load_digits

    if (work / "test").is_dir():
        return
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    for at, index in enumerate(order):
        image = (data.images[index] * 255 / 16).astype(np.uint8)
        large = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        part = "train" if at < TRAINED else "test"
        folder = work / part / f"digit {data.target[index]}"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index}.png"), large)
    (work / "classes.txt").write_text("".join(f"digit {each}\n" for each in range(10)))


def _options(work: Path) -> ModelOptions:
    return ModelOptions(
        weights=str(work / "plain.safetensors"),
        input={"size": (SIDE, SIDE), "mean": (0.5,) * 3, "std": (0.25,) * 3},
        classes=str(work / "classes.txt"),
        activation="softmax",
    )


def _plain(work: Path) -> float:
    """Train the network for 15 epochs by Adam, if that is not done; its accuracy on test."""
    weights = work / "plain.safetensors"
    registry = Registry.load()
    if not weights.is_file():
        network = digits()
        save_file(network.state_dict(), weights)
        model = open_model("unseen_network:digits", _options(work), registry)
        samples = labelled(model, open_dataset(str(work / "train")), Context())
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        network.train()
        for epoch in range(15):
            order = np.random.default_rng([1, epoch]).permutation(len(samples))
            for chosen in np.array_split(order, len(order) // 32):
                inputs = (samples.images(chosen).float() / 255 - 0.5) / 0.25
                labels = torch.from_numpy(samples.labels[chosen])
                loss = torch.nn.functional.cross_entropy(network(inputs), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        save_file(network.state_dict(), weights)
    model = open_model("unseen_network:digits", _options(work), registry)
    return round(float(_right(model, open_dataset(str(work / "test"))).mean()), 4)


def _seed(method: str, work: Path, seed: int) -> dict[str, Any]:
    """A network, fitted by a process that is killed once, beside its twin."""
    trained, twin = work / f"{method}-{seed}", work / f"{method}-twin-{seed}"
    killed = _fit(method, work, trained, seed, "", kill=seed == 1)
    _fit(method, work, twin, seed, "--gate off", kill=False)
    test = open_dataset(str(work / "test"))
    models = [open_model(str(each), ModelOptions(), Registry.load()) for each in (trained, twin)]
    right = [_right(model, test).astype(float) for model in models]
    found = {
        "went_on_from_epoch": killed,
        "accuracy": _beside(*right),
        **MEASURED[method](*models, test),
    }
    print(method, seed, json.dumps(found), flush=True)
    return found


def _gated(model: ModelAdapter, twin: ModelAdapter, test: Dataset) -> dict[str, Any]:
    """Mutual information score beside the twin's, over filters; the gates' density."""
    information = []
    for each in (model, twin):
        seen = read_features(each, test, Context(), LAST)
        information.append(table(seen.values, seen.labels, len(test.classes)).max(0))
    density = (
        Registry.load()
        .get("metric", "gate-density")(Params())
        .measure(model, test, Context())
        .value
    )
    return {"nats": _beside(*information), "density": round(density, 4)}


def _decoupled(model: ModelAdapter, twin: ModelAdapter, test: Dataset) -> dict[str, Any]:
    """What is on, how much it varies, how much work is left, and what attacks change."""
    log = DecouplingKnowledge.of(model).log[-1]
    varied = sum(each["diversity"] > 0 for each in log["layers"].values())
    found = {"on": log["on"], "layers": len(log["layers"]), "layers_that_vary": varied}
    for name in ("path-work", "path-diversity"):
        metric = Registry.load().get("metric", name)
        value = metric(metric.Params()).measure(model, test, Context())
        found[name] = _rounded(value.value, value.low, value.high)
    return found | _attacked(model, twin, test)


def _attacked(model: ModelAdapter, twin: ModelAdapter, test: Dataset) -> dict[str, Any]:
    """What the last layer's filters tell of one class, in nats, beside the twin's; and AUC of
    detectors by paths, by pooled features, and by those of the twin.
    """
    found: dict[str, Any] = {}
    context = Context(lookup=Registry.load().get)
    for attack, eps in product(ATTACKED, STRENGTHS):
        params = PathDetectionParams(attack=attack, eps=eps / 255)
        ours = versions_of(model, test, params, LAST, DecouplingKnowledge.of(model), context)
        theirs = versions_of(twin, test, params, LAST, None, context)
        information = [table(each.features[0], each.labels, 10).max(0) for each in (ours, theirs)]
        found["nats"] = _beside(*information)
        ways = {"path": ours.path, "features": ours.features, "twin": theirs.features}
        aucs = {
            name: np.array([_auc(each, ours.labels, draw) for draw in range(REPEATS)])
            for name, each in ways.items()
        }
        found[f"{attack} {eps}/255"] = {
            "fooled": _rounded(ours.fooled, theirs.fooled),
            "features": _rounded(aucs["features"].mean()),
            "path": _beside(aucs["path"], aucs["twin"]),
        }
    return found


MEASURED = {"decoupling": _decoupled, "csg": _gated}


def _auc(versions: tuple[np.ndarray, np.ndarray], labels: np.ndarray, draw: int) -> float:
    return auc(versions, labels, LEARNED, "forest", [0, draw])


def _beside(ours: np.ndarray, twin: np.ndarray) -> dict[str, list[float | None]]:
    """Means of ours and of the twin's, and of the difference with its 95 % interval."""
    less = compare(ours, twin, np.random.default_rng(0))
    return {
        "ours, twin": _rounded(ours.mean(), twin.mean()),
        "less": _rounded(less.value, less.low, less.high),
    }


def _rounded(*values: float | None) -> list[float | None]:
    return [None if each is None else round(float(each), 4) for each in values]


def _right(model: ModelAdapter, data: Dataset) -> np.ndarray:
    samples = labelled(model, data, Context())
    right = [
        model.predict(images).argmax(1).cpu().numpy() == samples.labels[chosen]
        for chosen, images in samples.batches(Context(), "")
    ]
    return np.concatenate(right)


def _fit(method: str, work: Path, out: Path, seed: int, more: str, kill: bool) -> int | None:
    """Run `interp fit`; the epoch at which it went on after SIGKILL, if it was killed."""
    killed = Path(f"{out}.killed")
    if out.is_dir():
        return int(killed.read_text()) if killed.is_file() else None
    options = f"--weights {work}/plain.safetensors --input {INPUT} --classes {work}/classes.txt"
    source = f"unseen_network:digits {options}"
    command = _command(method, source, work, f"{TRAINING[method]} --seed {seed} {more}", out)
    log = Path(f"{out}.partial") / "log.jsonl"
    if kill:
        process = subprocess.Popen(command, env=AROUND)
        while not (log.exists() and len(log.read_text().splitlines()) > 3):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended before it was killed")
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed.write_text(str(len(log.read_text().splitlines())))
    subprocess.run(command, env=AROUND, check=True)
    return int(killed.read_text()) if kill else None


def _explained(method: str, work: Path, folder: Path) -> dict[str, dict[str, str]]:
    """What every other method says of the trained network, opened and exported: ok, or why not."""
    registry = Registry.load()
    export = folder.with_suffix(".onnx")
    open_model(str(folder), ModelOptions(), registry).export(export)
    image = next(iter(open_dataset(str(work / "test")))).image
    return {
        kind: dict(_tried(method, str(source), work, image, registry))
        for kind, source in (("torch", folder), ("onnx", export))
    }


def _tried(
    method: str, source: str, work: Path, image: np.ndarray, registry: Registry
) -> Iterator[tuple[str, str]]:
    for entry in registry.entries("method"):
        if entry.name != method and getattr(entry, "model", None) is not None:
            continue  # it explains only networks that it trained
        known = None
        try:
            if entry.name in FITTED:
                known = _learned(entry.name, source, work)
            if entry.name == method and source.endswith(".onnx"):
                known = source.removesuffix(".onnx")
            found = interp.explain(source, image, method=entry.name, knowledge=known)
            yield entry.name, f"ok, {len(found.evidence)} pieces of evidence"
        except InterpError as error:
            yield entry.name, str(error)


def _learned(name: str, source: str, work: Path) -> str:
    """The folder of what a method that learns first knows of the network."""
    out = Path(f"{source}-{name}")
    if not out.is_dir():
        command = _command(name, source, work, FITTED[name], out)
        subprocess.run(command, env=AROUND, check=True, capture_output=True)
    return str(out)


def _command(method: str, source: str, work: Path, more: str, out: Path) -> list[str]:
    words = f"fit --plugin {method} --model {source} --data {work}/train {more} --out {out}"
    return [sys.executable, "-m", "interp", *words.split()]


if __name__ == "__main__":
    main()
