"""From what a user types to the adapter that opens it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from interp.errors import ModelError, PluginError
from interp.opening.source import merge, open_model
from interp.registry import Registry
from interp.registry.manifest import read_manifest
from interp.spec import ModelOptions

CODE = """
    from interp.hookspecs import hookimpl
    from interp.opening.source import ModelSource
    from interp.spec import ModelOptions
    from interp.testing import ToyModel

    class Net: ...
    class Narrow(Net): ...

    opened = []

    def opener(name):
        def open_model(source, options, lookup):
            opened.append((name, source, options))
            if source == "wide:broken":
                raise ValueError("torn")
            return ToyModel()
        return open_model

    @hookimpl
    def interp_register(registrar):
        registrar.add("adapter", "wide", opener("wide"))
        registrar.add("adapter", "narrow", opener("narrow"))
        options = ModelOptions(activation="sigmoid", input={"size": [8, 8], "order": "BGR"})
        registrar.add("model", "tiny", ModelSource("zoo:tiny", options))
"""
REGISTRY = """
    entries:
      - kind: adapter
        name: wide
        package: NAME
        summary: Anything with a colon
        sources: ["*:*", "folder:model.json"]
        objects: [NAME.Net]
      - kind: adapter
        name: narrow
        package: NAME
        summary: The zoo and its files
        sources: ["zoo:*", "*.zoo"]
        objects: [NAME.Narrow]
      - {kind: model, name: tiny, package: NAME, summary: A small one}
"""


@pytest.fixture
def planted(package, tmp_path):
    """The package of two adapters, imported, and its registry."""
    import importlib

    name = package(CODE, REGISTRY)
    registry = Registry((read_manifest(tmp_path / name / "registry.yaml"),))
    return SimpleNamespace(module=importlib.import_module(name), registry=registry)


def opened(planted, source: object, options: ModelOptions | None = None) -> tuple:
    model = open_model(source, options or ModelOptions(), planted.registry)
    return (*planted.module.opened[-1], model)


def test_most_specific_pattern_wins(planted):
    assert opened(planted, "zoo:cat")[0] == "narrow"
    assert opened(planted, "my.module:factory")[0] == "wide"


def test_files_and_folders(planted, tmp_path):
    (tmp_path / "a.zoo").write_text("")
    (tmp_path / "model.json").write_text("")
    assert opened(planted, str(tmp_path / "a.zoo"))[0] == "narrow"
    assert opened(planted, str(tmp_path))[0] == "wide"


def test_objects_by_their_nearest_class(planted):
    assert opened(planted, planted.module.Net())[0] == "wide"
    assert opened(planted, planted.module.Narrow())[0] == "narrow"
    assert opened(planted, type("Mine", (planted.module.Net,), {})())[0] == "wide"
    with pytest.raises(ModelError, match=r"type builtins\.dict, which no registered adapter"):
        opened(planted, {})


def test_registered_model_keeps_its_name_and_options(planted):
    asked = ModelOptions(device="cpu", input={"order": "RGB"})
    _, source, options, model = opened(planted, "tiny", asked)
    assert source == "zoo:tiny"
    assert options.activation == "sigmoid"
    assert options.device == "cpu"
    assert options.input == {"size": [8, 8], "order": "RGB"}
    assert (model.spec.name, model.spec.source) == ("tiny", "tiny")


def test_merge_survives_a_saved_request():
    registered = ModelOptions(precision="bf16", classes="names.txt")
    saved = ModelOptions.model_validate_json(ModelOptions(device="cuda").model_dump_json())
    assert merge(registered, saved) == registered.model_copy(update={"device": "cuda"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tinny", "unknown model 'tinny'; did you mean 'tiny'"),
        ("file.onnx", r"no registered adapter opens '\.onnx' files; known forms: \*:\*"),
        ("missing.zoo", "no such model file"),
    ],
)
def test_unknown_sources(planted, source, message):
    with pytest.raises(ModelError, match=message):
        opened(planted, source)


def test_adapter_failure_names_the_adapter(planted):
    with pytest.raises(PluginError, match="adapter wide failed: ValueError: torn"):
        opened(planted, "wide:broken")
