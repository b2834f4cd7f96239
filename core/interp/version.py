"""The versions of interp and of the interface that plugins use."""

api_version = 1
"""Version of the interface that plugins use; it grows when that changes incompatibly."""


def own_version() -> str:
    """The version of interp; "unknown" where it runs from a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("interp")
    except PackageNotFoundError:
        return "unknown"
