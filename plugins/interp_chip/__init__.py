"""CHIP: class-level channel knowledge from perturbed networks."""
