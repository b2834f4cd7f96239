"""Hypothesis strategies for what is typed: parameters, targets, options, and YAML files."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from hypothesis import strategies as st

from interp.opening.named import is_explanation_metric
from interp.registry import Registry
from robustness.damage import distort
from robustness.runner import Case

Make = Callable[[Path], Case]

WHOLE = (
    *("-1", "0", "1", "2", "3", "5", "7", "64", "129", "200", "500", "2001", "1e3", "0x10", "1_0"),
    *("1000000000", "2147483648", "9223372036854775808", "1000000000000", "1000000000001"),
    *(f"1{'0' * 30}", "9" * 5000, "2.5", "true", "١٢"),
)
REAL = (
    *("-1", "-0.0", "0", "1e-308", "1e-12", "1e-6", "0.01", "0.3", "0.5", "0.999999", "1", "1.5"),
    *("2", "7", "100", "1e6", "1e30", "1e31", "1e308", ".nan", ".inf", "-.inf", "1e400", "true"),
)
TEXTS = (
    *("", "stage3", "stage3.0", "stage1", "pool3", "fc1", "relu1", "classifier", "fc", "stage9"),
    *("mean", "blur", "inpaint", "grey", "black", "0.5", "/dev/zero", "../gone", "box:1,2,3", "*"),
    *("box:0,0,99999999,9", "point:-1,-1", "mask:/dev/zero", "os:system", "x" * 5000, "\udcff"),
    *("a\nb", "[]", "{}", "null", "&a [*a]", "!!python/object:os.system x", "~", "é"),
)
BOMB = "&a [x,x,x,x,x,x,x,x]"
EIGHTFOLD = "".join(
    f", &{each} [{', '.join([f'*{before}'] * 8)}]" for before, each in pairwise("abcdefghi")
)
NESTED = (
    *("[" * 5000, f"{'[' * 99}1{']' * 99}", f"[{BOMB}{EIGHTFOLD}]", "{a: {b: {c: 1}}}"),
    "[1, [2, [3]]]",
)
TARGETS = (
    *("0", "2", "3", "-1", "--1", "²", "١", "1.0", "1e1", "9" * 5000, "ikku", "IKKU", "ikk", ""),
    *(" ", "ikku, not jorla", "ikku, not ikku", "not ikku", ", not", "ikku, not", "index:0"),
    *("index:-1", "index:x", "name:3", "name:", "name:ikku", "0, not 1", "x" * 4000, "\udcff"),
    *("a\nb", "\x1b[31m", "None", "nan", "ikku,jorla", "ikku; jorla", "[0]", "{}", "٣, not ²"),
)
HUGE = 10**9
"""A count from which on no limit of time is given, so that the command must refuse it itself."""


def values(annotation: Any) -> st.SearchStrategy[str]:
    """Texts for a field of this type: right ones, extremes, and those of other types."""
    return st.one_of(_fitting(annotation), _fitting(annotation), st.sampled_from(TEXTS + NESTED))


def _fitting(annotation: Any) -> st.SearchStrategy[str]:
    kind = get_origin(annotation)
    if kind is Annotated:
        return _fitting(get_args(annotation)[0])
    if kind is Literal:
        return st.sampled_from([str(each) for each in get_args(annotation)])
    if kind in (Union, UnionType):
        return st.one_of([_fitting(each) for each in get_args(annotation)])
    if kind is tuple:
        several = st.lists(_fitting(get_args(annotation)[0]), max_size=4)
        return st.one_of(several.map(lambda each: f"[{', '.join(each)}]"), st.just("[]"))
    if annotation is NoneType:
        return st.just("null")
    if annotation is bool:
        return st.sampled_from(("true", "false", "yes", "2"))
    if annotation is int:
        return st.sampled_from(WHOLE)
    if annotation is float:
        return st.one_of(st.sampled_from(REAL), st.floats(1e-3, 1e3).map(repr))
    return st.sampled_from(TEXTS)


def _settings(params: Any, draw: st.DrawFn) -> dict[str, str]:
    fields = params.model_fields
    names = draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True))
    return {name: draw(values(fields[name].annotation)) for name in names}


def _budget(given: dict[str, str], draw: st.DrawFn) -> tuple[str, ...]:
    """A limit of time; none where a count is huge, which has to be refused."""
    huge = any(
        each.isascii() and each.isdigit() and int(each[:40]) >= HUGE for each in given.values()
    )
    return () if huge and draw(st.booleans()) else ("--budget", "1s")


@st.composite
def method_cases(draw: st.DrawFn, registry: Registry) -> Make:
    """A method with parameters drawn for some of its fields; sometimes it is to learn."""
    entries = [each.name for each in registry.entries("method")]
    name = draw(st.sampled_from([each for each in entries if _params(registry, each).model_fields]))
    given = _settings(_params(registry, name), draw)
    options = [f"--set={key}={value}" for key, value in given.items()]
    budget = _budget(given, draw)
    if name in ("chip", "explainer", "decoupling", "csg") and draw(st.booleans()):
        words = ("fit", "--plugin", name, "--data", "../data", "--out", "out")
        if name != "chip":
            words = (*words, "--model", "creatures-resnet")
    else:
        words = ("run", "--plugin", name, "--out", "out")
        onnx = name in ("rise", "lime", "occlusion", "kernelshap", "gradcam") and draw(
            st.booleans()
        )
        words = (*words, "--model", "../model.onnx") if onnx else words
    return _case((*words, *options, *budget))


def _params(registry: Registry, name: str) -> Any:
    return registry.get("method", name).Params


@st.composite
def metric_cases(draw: st.DrawFn, registry: Registry) -> Make:
    """A metric of explanations or of a model with parameters drawn for some of its fields."""
    entries = [each.name for each in registry.entries("metric")]
    known = {each: registry.get("metric", each).Params for each in entries}
    name = draw(st.sampled_from([each for each in entries if known[each].model_fields]))
    given = _settings(known[name], draw)
    if is_explanation_metric(registry.get("metric", name)):
        options = [f"--metric-set={name}.{key}={value}" for key, value in given.items()]
        words = ("evaluate", "--plugins", "centre", "--metrics", name, "--data", "../data")
        more = ("--no-baselines", "--limit", "1", "--out", "out", *_budget(given, draw))
        return _case((*words, *options, *more))
    options = [f"--set={key}={value}" for key, value in given.items()]
    model = {"interp_csg": "creatures-csg", "interp_decoupling": "creatures-decoupled"}
    package = registry.entry("metric", name).package
    named = ("--model", model[package]) if package in model else ()
    return _case(("measure", name, "--data", "../data", *named, *options))


@st.composite
def target_cases(draw: st.DrawFn) -> Make:
    """A target of a run, by itself or made of others."""
    one = st.sampled_from(TARGETS)
    text = draw(
        st.one_of(one, one, st.tuples(one, one).map(", not ".join), st.text(ARGUMENT, max_size=30))
    )
    words = ("run", "--plugin", "centre", "--out", "out", f"--target={text}")
    return _case((*words, "--model", draw(st.sampled_from(("creatures-vgg", "../model.onnx")))))


ARGUMENT = st.characters(exclude_characters="\0", exclude_categories=("Cs",))
"""Letters that the words of a command may have."""


@st.composite
def readout_cases(draw: st.DrawFn, registry: Registry) -> Make:
    """A readout with parameters, on a model that suits it or another."""
    names = {"pixels": "creatures-segmenter", "boxes": "creatures-detector", "similarity": None}
    name = draw(st.sampled_from(sorted(names)))
    given = _settings(registry.get("readout", name).Params, draw)
    options = [f"--readout-param={key}={value}" for key, value in given.items()]
    model = draw(st.sampled_from((names[name] or "creatures-vgg", "../model.onnx")))
    return _case(("predict", "--model", model, "--readout", name, *options))


OPTIONS: dict[str, tuple[str, ...]] = {
    "--budget": ("0", "-1", "1e3", "10", "9" * 400, "0s", "1.5", "5x", "99999999h", "²", "1s", ""),
    "--batch-size": ("0", "-1", "1", "3", "9" * 30, "1000000000000", "x", "²"),
    "--seed": ("0", "-1", "9" * 30, "18446744073709551616", "x", "1.0", "4294967296"),
    "--device": ("cpu", "cuda", "cuda:99", "mps", "tpu", "xla", "meta", "", "cpu:-1", "x" * 3000),
    "--precision": ("fp32", "bf16", "fp16", "fp8", ""),
    "--until": ("samples", "stable", "ranked", "never"),
    "--shard": ("0/1", "1/1", "-1/2", "0/0", "a/b", "0/99999999999999999999"),
    "--limit": ("0", "1", "-1", "99999999999999999999"),
    "--input": (
        *("size=0", "size=1", "size=-5", "size=99999", "size=1x1", "size=16x", "std=0,0,0"),
        *("mean=nan,nan,nan", "std=1e-300,1,1", "resize=up", "bands=9,9,9", "x", "=", "size=²"),
        *("size=16,mean=.5,.5,.5", "bands=1", "mean=1e308,1,1", "size=100000000000000000000", ","),
    ),
    "--activation": ("softmax", "sigmoid", "none", "relu"),
    "--classes": ("/dev/zero", "gone.txt", ".", "../data", "../model.onnx", "\udcff"),
    "--output-name": ("scores", "nothing", "", "x" * 3000),
    "--image": (
        *("/dev/zero", "/dev/stdin", "gone.png", ".", "..", "", "sample", "two", "sampel", "a#0"),
        *("x" * 5000, "\udcff.png", "a\nb.png", "../data", "http://localhost:1/x.png", "#", "##2"),
    ),
    "--model": (
        *("", ".", "/", "gone.onnx", "../data", "os:system", "os:nothing", "torchvision:nothing"),
        *("x" * 5000, "creatures-vg", "timm:", "hf:gone", "hf:..", "a.b.c:d", "::", "\udcff.onnx"),
        *("../model.onnx@a=1", "http://127.0.0.1:1/x", "callable:os:getcwd", "../bundle"),
    ),
    "--set": ("", "=", "x", "x=1", "samples", "=1", "samples==2", "\udcff=1", f"samples={BOMB}"),
    "--readout": ("", "value", "boxes", "pixels", "similarity", "nothing", "os:system", "a:b:c"),
    "--knowledge": ("", ".", "gone", "/dev/zero", "../bundle", "../data", "x" * 5000),
    "--weights": ("", ".", "gone.pth", "random", "../model.onnx", "/dev/zero", "../net.pth"),
    "--data": ("", ".", "gone", "/dev/zero", "..", "../bundle", "creatures", "x" * 5000, "\udcff"),
    "--registry": ("", ".", "gone", "/dev/zero", "../model.onnx", "../data/annotations.json"),
    "--out": ("", ".", "/", "/dev/null", "/proc/x", "..", "x" * 5000, "\udcff", "../model.onnx/x"),
}  # fmt: skip
"""Odd values of the commands' own options."""
LINES = (
    "run --plugin rise --budget 20 --model ../model.onnx",
    "run --plugin gradcam",
    "predict",
    "compare --plugins centre,edges",
    "evaluate --plugins centre --metrics pointing --no-baselines",
    "fit --plugin chip --data ../data --budget 1s",
    "layers ../model.onnx",
    "data creatures --count 2",
    "export creatures-vgg",
    "list",
    "show rise",
    "diff ../bundle ../comparison",
    "rerun ../bundle",
    "merge ../part0 ../part1",
)


@st.composite
def option_cases(draw: st.DrawFn) -> Make:
    """A command with one or two of its options odd, or with words that it does not know."""
    words = draw(st.sampled_from(LINES)).split()
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), min_size=1, max_size=2)):
        words.append(f"{name}={draw(st.sampled_from(OPTIONS[name]))}")
    if draw(st.integers(0, 9)) == 0:
        words.insert(draw(st.integers(0, len(words))), draw(st.text(ARGUMENT, max_size=20)))
    codes = (0, 1, 2) if words[0] == "rerun" else (0, 2)  # 1: it came out differently
    return lambda folder: Case(tuple(words), codes=codes)


ENTRY = {
    "entries": [
        {
            "kind": "method",
            "name": "mine",
            "object": "interp_cam.weighting:GradCam",
            "summary": "A method",
            "answers": "where",
            "needs": ["predict"],
            "claims": ["region"],
            "paper": {
                "title": "T",
                "authors": ["A"],
                "venue": "V",
                "year": 2020,
                "doi": "10.1234/x",
            },
        },
        {
            "kind": "method",
            "name": "composed",
            "summary": "A composition",
            "answers": "where",
            "compose": {
                "perturbation": "smooth-cells",
                "weighting": "uniform",
                "solver": "mean",
                "defaults": {"samples": 100},
            },
        },
        {"kind": "adapter", "name": "toy", "object": "a.b:c", "summary": "s", "sources": ["toy:*"]},
    ],
    "hooks": [{"package": "interp_nothing", "hook": "interp_commands", "names": ["greet"]}],
}


@st.composite
def registry_cases(draw: st.DrawFn) -> Make:
    """A registry file with wrong entries, wrong YAML, or nothing of the kind."""
    random = draw(st.randoms(use_true_random=False))
    document = distort(ENTRY, random)
    text = draw(
        st.sampled_from(("yaml", "yaml", "yaml", "json", "raw", "nested")).flatmap(
            lambda way: {
                "yaml": st.just(document).map(_as_yaml),
                "json": st.just(document).map(lambda each: json.dumps(each, default=str)),
                "raw": st.text(st.characters(exclude_categories=("Cs",)), max_size=200),
                "nested": st.sampled_from(NESTED).map(lambda each: f"entries: {each}"),
            }[way]
        )
    )
    words = draw(st.sampled_from(("list", "show composed", "show mine", "run --plugin composed")))

    def make(folder: Path) -> Case:
        (folder / "given.yaml").write_text(text, "utf-8", "surrogatepass")
        out = ("--out", "out", "--budget", "20") if words.startswith("run") else ()
        codes = (0, 2) if words == "list" else (0, 1, 2)  # 1: what the file names is not there
        line = (*words.split(), "--registry", "given.yaml", *out)
        return Case(line, "yaml", "given.yaml", codes=codes)

    return make


def _as_yaml(document: Any) -> str:
    try:
        return yaml.safe_dump(document, allow_unicode=True)
    except (yaml.YAMLError, RecursionError, UnicodeEncodeError):
        return json.dumps(document)


def _case(words: tuple[str, ...]) -> Make:
    return lambda folder: Case(words)


def strategies(registry: Registry) -> dict[str, st.SearchStrategy[Make]]:
    """The strategies by the kind of their cases."""
    return {
        "method": method_cases(registry),
        "metric": metric_cases(registry),
        "readout": readout_cases(registry),
        "target": target_cases(),
        "option": option_cases(),
        "registry": registry_cases(),
    }
