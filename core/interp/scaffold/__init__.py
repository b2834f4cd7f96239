"""Packages that `interp new` writes: one of each kind of extension, working from the start."""

from interp.scaffold.kind import KINDS, Kind, kind_of
from interp.scaffold.package import Names, check_free, filled, names_of, write_package

__all__ = [
    "KINDS",
    "Kind",
    "Names",
    "check_free",
    "filled",
    "kind_of",
    "names_of",
    "write_package",
]
