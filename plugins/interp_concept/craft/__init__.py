"""CRAFT: concepts found by factorising activations, weighed by sensitivity analysis."""
