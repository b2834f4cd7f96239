"""Parts that methods share: perturbations, weightings, solvers, renderers, metrics."""
