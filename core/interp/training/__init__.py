"""Training shared by methods: samples, tasks, the loop, checkpoints, curves."""
