"""The kinds of packages that can be written, and how each one is tried."""

from __future__ import annotations

from dataclasses import dataclass

from interp.errors import InputError, nearest


@dataclass(frozen=True)
class Kind:
    """A kind of extension: what it does, the interface that it implements, and how it is tried.

    `interface` names classes or functions as `module:name`; `trial` are commands, in which
    `my-name` stands for the registered name; `call` is how a registered function is called.
    """

    name: str
    summary: str
    interface: tuple[str, ...]
    trial: tuple[str, ...] = ()
    call: str = ""


METHOD = "interp.method:PerImageMethod", "interp.method:Method"
RUN = "interp run --method my-name"

HOOKS = tuple(
    f"interp.hookspecs:interp_{each}"
    for each in (
        *("before_run", "after_run", "before_compare", "after_compare", "before_evaluate"),
        *("after_evaluate", "before_fit", "after_fit", "after_save"),
    )
)

KINDS: dict[str, Kind] = {
    each.name: each
    for each in (
        Kind("method", "explains a model's scores on an image", METHOD, (RUN,)),
        Kind("composition", "a method made of registered parts, without code", (), (RUN,)),
        Kind(
            "adapter",
            "opens models of a framework or file format",
            ("interp.model:ModelAdapter",),
            ("interp predict --model my-name-example",),
            "open_model(source: Any, options: ModelOptions, lookup: Callable[[str, str], Any])"
            " -> ModelAdapter",
        ),
        Kind(
            "readout",
            "turns a model's raw output into the scores to explain",
            ("interp.readout:Readout",),
            ("interp run --method rise --readout my-name",),
        ),
        Kind(
            "dataset",
            "gives images whose truth is known",
            ("interp.dataset:Dataset",),
            ("interp data my-name --out images --count 100",),
            "draw(count: int, seed: int) -> Dataset",
        ),
        Kind(
            "reader",
            "opens data sets of a file or folder format",
            ("interp.dataset:Dataset",),
            ("interp check my-name",),
            "open_data(path: Path) -> Dataset",
        ),
        Kind(
            "renderer",
            "draws evidence of a new kind",
            ("interp.method:Renderer", "interp.evidence:Evidence"),
            (RUN,),
        ),
        Kind(
            "metric",
            "measures explanations, or a model",
            ("interp.metric:ExplanationMetric", "interp.metric:ModelMetric"),
            ("interp evaluate --methods gradcam,rise --metrics my-name --limit 5",),
        ),
        Kind(
            "perturbation",
            "divides an image into parts, and switches them off",
            ("interp.engine.component:Perturbation",),
            (RUN,),
        ),
        Kind(
            "weighting",
            "says how much each perturbed sample counts",
            ("interp.engine.component:Weighting",),
            (RUN,),
        ),
        Kind(
            "solver",
            "says what each part is worth, from the samples",
            ("interp.engine.component:Solver",),
            (RUN,),
        ),
        Kind(
            "builder",
            "makes a derived network of another",
            (),
            call="build(network: nn.Module, params: dict[str, object]) -> nn.Module",
        ),
        Kind("attack", "changes images so that a model errs", ("interp.method:Attack",)),
        Kind(
            "hook",
            "is called around work, and once a result is saved",
            HOOKS,
            ("interp run --method gradcam",),
        ),
        Kind(
            "command",
            "a command of its own",
            ("interp.hookspecs:interp_commands",),
            ("interp my-name --help",),
        ),
        Kind(
            "panel",
            "a page of the dashboard",
            ("interp.hookspecs:interp_panels",),
            ("interp dashboard",),
        ),
    )
}
"""By name, in the order in which they are offered."""


def kind_of(word: str) -> Kind:
    """The kind called so. Raises InputError that offers near ones."""
    if word not in KINDS:
        raise InputError(f"found no kind {word!r} of package; {nearest(word, KINDS)}")
    return KINDS[word]
