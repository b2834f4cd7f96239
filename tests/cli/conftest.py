"""The command line in this process, with a toy model and the example package's method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.command_line import Interp, command_line

EXAMPLE = Path(__file__).parent.parent / "example_plugin/src/interp_example/registry.yaml"
CODE = """
    from interp.hookspecs import hookimpl
    from interp.opening.source import ModelSource

    def open_model(source, options, lookup):
        import numpy as np
        from interp.testing import ToyModel
        model = ToyModel()
        if source == "toy:nan":
            model.predict = lambda images: images.new_full((len(images), 3), float("nan"))
        if source == "toy:shape":
            model.predict = lambda images: images
        if source == "toy:interrupted":
            model.predict = interrupt
        return model

    def interrupt(images):
        raise KeyboardInterrupt

    class Noise:
        classes = ("ant", "bee")

    def noise(count, seed):
        raise ValueError("torn")

    def brightness():
        from typing import ClassVar
        from interp.metric import Measurement, ModelMetric
        from interp.params import Params

        class Own(Params):
            times: float = 1.0

        class Brightness(ModelMetric):
            Params: ClassVar[type[Params]] = Own

            def measure(self, model, dataset, context):
                each = [float(example.image.mean()) for example in dataset]
                mean = self.params.times * sum(each) / len(each)
                return Measurement(mean, "of 255", True, mean - 1, mean + 1, len(each))

        return Brightness

    @hookimpl
    def interp_register(registrar):
        registrar.add("adapter", "toy", open_model)
        registrar.add("model", "toy", ModelSource("toy:plain"))
        registrar.add("dataset", "noise", noise)
        registrar.add("metric", "brightness", brightness())

    @hookimpl
    def interp_commands(app):
        @app.command("greet")
        def greet(name: str):
            print("hello", name)
"""
REGISTRY = """
    entries:
      - {kind: adapter, name: toy, package: NAME, summary: Toys, sources: ["toy:*"]}
      - {kind: model, name: toy, package: NAME, summary: A toy}
      - {kind: dataset, name: noise, package: NAME, summary: Nothing to see}
      - {kind: metric, name: brightness, package: NAME, summary: Mean of all pixels}
    hooks:
      - {package: NAME, hook: interp_commands, names: [greet]}
"""


@pytest.fixture
def interp(package, capsys, tmp_path, monkeypatch) -> Interp:
    """Run a command in tmp_path, the toy package installed and the example given by file."""
    package(CODE, REGISTRY, installed=True)
    monkeypatch.chdir(tmp_path)

    return command_line(capsys)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A bright square on a dark ground."""
    from PIL import Image

    pixels = np.full((40, 48, 3), 30, np.uint8)
    pixels[8:20, 12:28] = (230, 60, 40)
    path = tmp_path / "square.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def example() -> Path:
    """The registry file of the example package."""
    return EXAMPLE
