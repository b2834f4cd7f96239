"""The versions of interp, of installed packages, and of the interface that plugins use."""

from functools import cache

api_version = 1
"""Version of the interface that plugins use; it grows when that changes incompatibly."""


def own_version() -> str:
    """The version of interp; "unknown" where it runs from a checkout that is not installed."""
    return installed_version("interp") or "unknown"


@cache
def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, which is read once; None for another one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
