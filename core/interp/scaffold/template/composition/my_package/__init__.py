"""A method that registry.yaml composes of registered parts; no code is needed."""
