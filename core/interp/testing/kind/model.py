"""Checks of adapters, registered models and readouts: each opens models, which keep the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING

from interp.errors import InterpError, PluginError
from interp.model import ModelAdapter
from interp.opening.source import adapter_of, open_model
from interp.registry.manifest import AdapterEntry
from interp.spec import ModelOptions, ModelSource
from interp.testing.entry_case import EntryCase, EntryCheck, NothingToMeasure
from interp.testing.kind.opened import RULES
from interp.testing.toy import ToyModel

if TYPE_CHECKING:
    from torch import nn

NOWHERE = "no-such-thing-for-interp-check"
"""What no adapter can open, whatever stands for the asterisk of its pattern."""
CPU = ModelOptions(device="cpu")


def check_opens(case: EntryCase) -> str:
    """The model is opened, and a second time with the same fingerprint."""
    models = opened(case)
    for first, second in zip(models, _open(case), strict=True):
        found, again = first.spec.fingerprint, second.spec.fingerprint
        assert found == again, f"{first.spec.name} has the fingerprints {found} and {again}"
    return f"opened {', '.join(each.spec.name for each in models)}"


def check_offers(case: EntryCase) -> str:
    """Its models offer no more than the registry file says."""
    entry = case.registry.entry("adapter", case.name)
    assert isinstance(entry, AdapterEntry)
    for model in opened(case):
        more = ", ".join(sorted(model.capabilities - set(entry.offers)))
        assert not more, f"{model.spec.name} also offers {more}; add it to offers"
    return f"offers {', '.join(entry.offers)}"


def check_refuses(case: EntryCase) -> str | None:
    """What cannot be opened is an error of interp, in a line."""
    entry = case.registry.entry("adapter", case.name)
    assert isinstance(entry, AdapterEntry)
    patterns = [each for each in entry.sources if "*" in each and "//" not in each]
    for pattern in patterns:
        source = pattern.replace("*", NOWHERE)
        try:
            case.subject(source, CPU, case.registry.get)
        except InterpError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{source}: found {type(error).__name__}: {error}; expected a ModelError that "
                "says what was expected"
            ) from error
        raise AssertionError(f"{source} was opened, though there is no such thing")
    return f"refuses {len(patterns)} forms of source"


def opened(case: EntryCase) -> list[ModelAdapter]:
    """The models that show what a model, adapter or readout does, opened once.

    Raises NothingToMeasure where none is known.
    """
    if "opened" not in case.kept:
        case.kept["opened"] = list(_open(case))
    found: list[ModelAdapter] = case.kept["opened"]
    if not found:
        raise NothingToMeasure(
            f"no model is known on which to try it; {_remedy(case.kind)} or try your own in a test"
        )
    return found


def _open(case: EntryCase) -> Iterator[ModelAdapter]:
    """Open them."""
    return {"model": _registered, "adapter": _of_adapter, "readout": _read}[case.kind](case)


def _remedy(kind: str) -> str:
    if kind == "adapter":
        return "name one with --model, register one,"
    return "register a model that is read by it"


def _registered(case: EntryCase) -> Iterator[ModelAdapter]:
    yield open_model(case.name, CPU, case.registry)


def _of_adapter(case: EntryCase) -> Iterator[ModelAdapter]:
    """The source that is given, else the first registered model that this adapter opens."""
    if case.model is not None:
        yield open_model(case.model, CPU, case.registry)
        return
    for each in case.registry.entries("model"):
        source: ModelSource = case.registry.get("model", each.name)
        if adapter_of(source.source, case.registry).name == case.name:
            yield open_model(each.name, CPU, case.registry)
            return


def _read(case: EntryCase) -> Iterator[ModelAdapter]:
    """Small networks, and a registered model, that this readout can read."""
    options = CPU.model_copy(
        update={
            "readout": case.name,
            "readout_params": case.params or None,
            "input": {"size": (32, 32)},
        }
    )
    for network in _networks():
        try:
            yield open_model(network, options, case.registry)
        except PluginError:
            raise
        except InterpError:  # it reads another kind of output
            continue
    for each in case.registry.entries("model"):
        source: ModelSource = case.registry.get("model", each.name)
        if source.options.readout == case.name:
            yield open_model(each.name, CPU, case.registry)
            return


def _networks() -> list[nn.Module]:
    """Networks that answer scores (N, 3), and maps (N, 6, h, w)."""
    net = ToyModel().net
    return [net, net[:2].eval()]


def of_each(rule: Callable[[ModelAdapter], str | None]) -> EntryCheck:
    """A rule for opened models as a check of what opens them."""

    @wraps(rule)
    def check(case: EntryCase) -> str | None:
        said, lacking = [], None
        for model in opened(case):
            try:
                said.append(rule(model))
            except NothingToMeasure as error:
                lacking = error
            except AssertionError as error:
                raise AssertionError(f"{model.spec.name}: {error}") from error
        if lacking is not None and not said:
            raise lacking
        return "; ".join(each for each in said if each)

    return check


RULES_OF_MODELS = tuple(map(of_each, RULES))
CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "model": (check_opens, *RULES_OF_MODELS),
    "adapter": (check_opens, check_offers, check_refuses, *RULES_OF_MODELS),
    "readout": (check_opens, *RULES_OF_MODELS),
}
