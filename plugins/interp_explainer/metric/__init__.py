"""Metrics of explainer networks and of the networks they explain."""
