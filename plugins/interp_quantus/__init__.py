"""Quantus' metrics of explanations as registered metrics."""
