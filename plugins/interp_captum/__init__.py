"""Captum's methods as plugins: the baselines that others are compared with."""
