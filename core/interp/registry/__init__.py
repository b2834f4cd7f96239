"""What is registered: reading registry.yaml files and loading what they name."""

from interp.registry.registry import Registry

__all__ = ["Registry"]
