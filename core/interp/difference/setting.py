"""The settings behind a result, and which of them differ between two results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from interp.comparison.models import model_folders
from interp.comparison.result import Comparison
from interp.difference.kind import MODELS, repeatable_kind
from interp.registry import Registry
from interp.storage.folder import MANIFEST, read_json


def settings(folder: Path, registry: Registry | None) -> dict[str, Any]:
    """The request with all parameters, the model and the software that were used."""
    if repeatable_kind(folder) == MODELS:
        return {each.name: settings(each, registry) for each in model_folders(folder)}
    manifest = read_json(folder / MANIFEST)
    request = read_json(folder / "request.json")
    request.pop("full_maps", None)  # says how results are kept, not what they are
    if manifest["kind"] == "comparison":
        opened = Comparison.open(folder, registry)
        model = opened.model.model_dump(mode="json")
        given = {each.name: each.params for each in opened.request.methods}
        request["methods"] = {
            name: _params(params, given.get(name, {})) for name, params in opened.params().items()
        }
    else:
        made = read_json(folder / "explanation.json")["provenance"] or {}
        model = made.get("model", {})
        request["params"] = _params(made.get("params") or {}, request.get("params") or {})
    used = ("source", "fingerprint", "device", "precision")
    return {
        **request,
        "opened": {key: model.get(key) for key in used},
        **{key: manifest.get(key) for key in ("python", "machine", "versions")},
    }


class _Params(dict[str, Any]):
    """All parameters of a method, and the names of those that the request gave."""

    given: frozenset[str]


def _params(params: Mapping[str, Any], given: Mapping[str, Any]) -> _Params:
    found = _Params(params)
    found.given = frozenset(given)
    return found


def _unknown(key: str, one: Any, other: Any) -> bool:
    """Whether a parameter is a default in one version, and another version did not have it."""
    sides = [each for each in (one, other) if isinstance(each, _Params)]
    return (
        len(sides) == 2
        and any(key not in each for each in sides)
        and not any(key in each.given for each in sides)
    )


def changes(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Nested values that differ, by dotted key."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            if _unknown(key, before, after):
                continue
            place = f"{path}.{key}" if path else str(key)
            yield from changes(before.get(key), after.get(key), place)
    elif before != after:
        yield path, (before, after)
