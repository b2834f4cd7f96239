"""Perturb, respond, moments, solve: the experiment that perturbation methods share."""
