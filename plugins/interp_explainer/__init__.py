"""Explainer networks: object parts from a frozen network's features, without labels."""
