"""The method my-name, which registry.yaml composes of registered parts; no code is needed."""
