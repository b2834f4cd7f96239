"""Twelve packages that are broken on purpose, and the line that each one's method ends with."""

from __future__ import annotations

from typing import NamedTuple

HEAD = """
    import numpy as np
    from interp.evidence import Heatmap
    from interp.explanation import Explanation
    from interp.method import Method
    from interp.spec import Capability

    class Broken(Method):
        needs = frozenset({Capability.PREDICT, Capability.MODULE})

        def explain(self, model, images, targets, knowledge, context):
            values = np.ones(images[0].shape[:2])
            WORK
            maps = [Heatmap(name="map", target=t.name, image=0, values=values) for t in targets]
            return Explanation(tuple(maps))
"""
REGISTRY = """
    entries:
      - {kind: method, name: broken, summary: s, answers: where, object: "NAME:Broken"}
"""
BY_HOOK = """
    entries:
      - {kind: method, name: broken, summary: s, answers: where, package: NAME, needs: [predict]}
"""


class BrokenPackage(NamedTuple):
    """Code and registry file of a package, `NAME` standing for its name.

    `line` is the whole error of its method, FILE standing for the registry file. `note` is what its
    cell says where the method answers all the same. `unlisted`: its registry file is of no use.
    """

    code: str
    registry: str = REGISTRY
    line: str = ""
    note: str = ""
    unlisted: bool = False


def doing(work: str) -> str:
    """Code of a package whose method does something on the way to its map."""
    return HEAD.replace("WORK", work)


PACKAGES = {
    "import error": BrokenPackage(
        "import nothing_like_it",
        line="FILE: entries[0].object: found 'NAME:Broken', but NAME could not be imported: "
        "ModuleNotFoundError: No module named 'nothing_like_it'",
    ),
    "wrong type": BrokenPackage(
        "from interp.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def interp_register(registrar): registrar.add('method', 'broken', 3)\n",
        BY_HOOK,
        "NAME: method 'broken', which its interp_register adds, is of class int; expected a "
        "subclass of interp.method.Method",
    ),
    "duplicate name": BrokenPackage(
        doing("pass"),
        REGISTRY
        + '      - {kind: method, name: mint, summary: s, answers: where, object: "NAME:Broken"}\n',
        "unknown method 'broken': it is of package NAME, which is broken: FILE: method 'mint' is "
        "registered in BUILTIN already; rename one",
        unlisted=True,
    ),
    "bad YAML": BrokenPackage(
        doing("pass"),
        REGISTRY + "      - {kind: method\n",
        "unknown method 'broken': it is of package NAME, which is broken: FILE: line 5: not valid "
        "YAML: did not find expected ',' or '}'; check the file",
        unlisted=True,
    ),
    "missing hook": BrokenPackage(
        "x = 1", BY_HOOK, "NAME declares interp_register, but has no function of that name"
    ),
    "newer requires": BrokenPackage(
        doing("pass"),
        '    requires: "interp>=99.1"\n' + REGISTRY,
        "unknown method 'broken': it is of package NAME, which is broken: FILE: requires: found "
        "'interp>=99.1'; this is interp VERSION; upgrade interp, or install another version of the "
        "package",
        unlisted=True,
    ),
    "exception": BrokenPackage(
        doing("1 / 0"), line="broken failed: ZeroDivisionError: division by zero"
    ),
    "NaN": BrokenPackage(
        doing("values[0, 0] = np.nan"),
        line="broken returned evidence that cannot be used: heatmap 'map': values holds NaN or "
        "infinity",
    ),
    "wrong shape": BrokenPackage(
        doing("values = values[1:]"),
        line="broken returned evidence that cannot be used: heatmap 'map' is 39 x 50; expected the "
        "image's 40 x 50, as placement.to_image gives it",
    ),
    "altered model": BrokenPackage(
        doing("[each.data.mul_(2) for each in model.module().parameters()]"),
        note="broken left changed: weights conv1.0.weight and 5 more (put back)",
    ),
    "prints": BrokenPackage(doing("print('{', flush=True)")),
    "sys.exit": BrokenPackage(
        doing("import sys; sys.exit(3)"), line="broken failed: SystemExit: 3"
    ),
}
