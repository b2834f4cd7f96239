"""A call from Python: its arguments as they are at hand, as a session and fields of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex

from interp.context import Budget, Progress
from interp.dataset import Dataset
from interp.errors import InputError, ModelError, nearest
from interp.model import ModelAdapter
from interp.opening.images import image_path
from interp.opening.source import open_model
from interp.progress_bar import shown_progress
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.spec import ModelOptions
from interp.storage.folder import check_new_folder
from interp.storage.image import LoadedImage, read_image
from interp.target import INDEX, index_text, name_text
from interp.wording import in_python

Targets = str | SupportsIndex | Iterable[str | SupportsIndex] | None
"""A class by name or index, a contrast such as "dog, not cat", or several; None: the prediction."""
Classes = str | Path | Sequence[object] | None
"""The names of a model's classes, or a text file with a name on each line."""
Params = Mapping[str, Any]
"""Parameters of a method by name; those that are left out have their defaults."""
Options = ModelOptions | Mapping[str, Any] | None
"""What the model's file does not say, as ModelOptions or as a mapping of its fields."""
Limit = Budget | int | str | None
"""A budget, a number of samples, or a time such as "30s"."""
Methods = Sequence[str] | Mapping[str, Params]
"""Names of methods or metrics, or names with parameters: {"mint": {"regions": 2}}."""

DEFAULT_METHOD, BLACK_BOX_METHOD = "mint", "rise"
"""The method where none is named, and the one for models that only answer with scores."""


@dataclass(frozen=True)
class Call:
    """What all functions share: a session with the opened model, and the request's own fields."""

    session: Session
    fields: dict[str, Any]
    out: Path | None
    choice: dict[str, Any]
    """Of a call of one method: its name and parameters, as fields of the request."""

    @property
    def model(self) -> ModelAdapter:
        """The opened model."""
        model = self.session.model
        assert isinstance(model, ModelAdapter)  # noqa: S101 - a call opens it
        return model

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the model's classes; None where each image has its own."""
        return None if self.model.focuses else self.model.spec.classes


@dataclass(frozen=True)
class OneMethod:
    """A method with its parameters, and keywords that are more of these, or fields of the budget.

    `own` are the names of the caller's other arguments. Without a name it is the default method.
    """

    name: str | None
    params: Params | None
    keywords: Params
    own: Iterable[str] = ()

    def parted(self, registry: Registry, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters of the method called `name`, and fields of the budget.

        A keyword that both have is the method's. Raises InputError for one that neither has.
        """
        known, limits = registry.get("method", name).Params.model_fields, Budget.model_fields
        params = dict(_mapping(self.params or {}, "params"))
        for key in self.keywords:
            if key not in known and key not in limits:
                raise InputError(
                    f"{name} has no parameter {key!r}, and no other argument is called so; "
                    f"{nearest(key, dict.fromkeys((*known, *limits, *self.own)))}"
                )
            if key in params:
                raise InputError(f"found {key} in params and as a keyword; give it once")
        params |= {key: each for key, each in self.keywords.items() if key in known}
        return params, {key: each for key, each in self.keywords.items() if key not in known}


@dataclass(frozen=True)
class Work:
    """The arguments that all functions take beside model, images and methods."""

    classes: Classes = None
    options: Options = None
    budget: Limit = None
    seed: int = 0
    out: str | Path | None = None
    progress: bool | Progress = False
    registry: Registry | None = None
    session: Session | None = None

    @contextmanager
    def on(
        self,
        model: object,
        one: OneMethod | None = None,
        check: Callable[[Path], None] = check_new_folder,
    ) -> Iterator[Call]:
        """The call with the model opened; its progress is shown while the block runs.

        What can be wrong about the folder, as `check` tells, and about a named method comes first.
        """
        place = check_out(self.out, check)
        session = self.session or Session(self.registry or Registry.load())
        given = options_of(self.options, self.classes, model)
        budget = Budget() if self.budget is None else Budget.from_value(self.budget)
        if one is not None and one.name is not None:
            one.parted(session.registry, one.name)
        opened = opened_model(model, given, session.registry)
        choice: dict[str, Any] = {}
        if one is not None:
            name = default_method(session.registry, opened) if one.name is None else one.name
            params, limits = one.parted(session.registry, name)
            budget = Budget(**{**budget.model_dump(), **limits})
            choice = {"method": name, "params": params}
        fields = {"model": opened.spec.source, "options": given, "seed": self.seed}
        with shown_progress(self.progress) as shown:
            session = replace(
                session, model=opened, progress=shown if self.progress else session.progress
            )
            yield Call(session, {**fields, "budget": budget}, place, choice)


def opened_model(model: object, options: ModelOptions, registry: Registry) -> ModelAdapter:
    """The model opened, its notes and what is wrong with it told in Python's terms."""
    if isinstance(model, ModelAdapter):
        return model
    try:
        opened = open_model(str(model) if isinstance(model, Path) else model, options, registry)
    except ModelError as error:
        raise ModelError(in_python(str(error))) from error
    notes = tuple(map(in_python, opened.spec.notes))
    opened.spec = opened.spec.model_copy(update={"notes": notes})
    return opened


def default_method(registry: Registry, model: ModelAdapter) -> str:
    """The method for a model where none is named: it needs what the model offers."""
    needs = registry.get("method", DEFAULT_METHOD).needs
    return DEFAULT_METHOD if needs <= model.capabilities else BLACK_BOX_METHOD


def options_of(options: Options, classes: Classes, model: object) -> ModelOptions:
    """The options with these class names; InputError where the model is open and has its own."""
    given = options
    if not isinstance(given, ModelOptions):
        given = ModelOptions(**_mapping(options or {}, "options"))
    if classes is None:
        return given
    if isinstance(model, ModelAdapter):
        raise InputError(
            f"found classes for {model.spec.name}, which is open already; give them to open_model"
        )
    listed = str(classes) if isinstance(classes, str | Path) else tuple(map(str, classes))
    return given.model_copy(update={"classes": listed})


def check_out(
    out: str | Path | None, check: Callable[[Path], None] = check_new_folder
) -> Path | None:
    """The folder, once `check` let it pass."""
    if out is None:
        return None
    check(Path(out))
    return Path(out)


def choices(named: Methods) -> tuple[Choice, ...]:
    """Methods or metrics by name, with parameters where these are given."""
    if isinstance(named, str):
        raise InputError(f"found {named!r}; expected a list of names, as [{named!r}]")
    if not isinstance(named, Mapping):
        named = {_name(each): {} for each in named}
    return tuple(
        Choice(name=name, params=dict(_mapping(each, name))) for name, each in named.items()
    )


def _name(given: object) -> str:
    if isinstance(given, str):
        return given
    raise InputError(
        f"found {given!r} among names; expected names, or a mapping of names to their parameters, "
        'as {"rise": {"samples": 500}, "gradcam": {}}'
    )


def _mapping(given: object, name: str) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    raise InputError(
        f"{name}: found {type(given).__name__}; expected a mapping of names to values, as {{}}"
    )


def targets_of(target: Targets, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Targets as a request names them: a text is a name first, a number is an index."""
    if target is None:
        return ()
    if isinstance(target, str):
        return (target if classes is None else name_text(target, classes),)
    if isinstance(target, SupportsIndex) and getattr(target, "ndim", 0) == 0:
        at = _index(target)
        return (f"{INDEX}{at}" if classes is None else index_text(at, classes),)
    if isinstance(target, Iterable) and not isinstance(target, bytes | bytearray):
        return tuple(text for each in target for text in targets_of(each, classes))
    raise _no_target(target)


def _index(target: SupportsIndex) -> int:
    """A whole number, also NumPy's or a tensor of one; InputError for a truth value or fraction."""
    truth = isinstance(target, bool) or str(getattr(target, "dtype", "")).endswith("bool")
    try:
        if not truth:
            return index(target)
    except TypeError as error:  # a tensor of a fraction
        raise _no_target(target) from error
    raise _no_target(target)


def _no_target(target: object) -> InputError:
    kind = str(getattr(target, "dtype", type(target).__name__))
    return InputError(f"found a target of {kind}; expected a class's name or index")


def data_of(data: str | Path | Dataset) -> tuple[str, Dataset | None]:
    """The data's name in a request, and the data set itself where it is one."""
    return (f"<{type(data).__name__}>", data) if isinstance(data, Dataset) else (str(data), None)


def images_of(image: object, registry: Registry) -> tuple[tuple[str, ...], list[LoadedImage]]:
    """Names and pixels of one image, or of a list or batch of them, with notes on the reading."""
    batch: Any = image
    several = isinstance(image, list | tuple) or getattr(image, "ndim", 0) == 4
    given = list(batch) if several else [image]
    names = (str(e) if isinstance(e, str | Path) else f"image {at}" for at, e in enumerate(given))
    return tuple(names), [
        read_image(image_path(registry, str(each)) if isinstance(each, str | Path) else each)
        for each in given
    ]
