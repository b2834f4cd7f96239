"""Evaluating methods: metrics over many images, with intervals and baselines."""
