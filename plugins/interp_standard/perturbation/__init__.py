"""Choices of parts and of how they are switched off, for methods composed in a registry.yaml."""
