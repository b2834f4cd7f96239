"""Metrics of explanations: against the model's own answers, and against the image's truth."""
