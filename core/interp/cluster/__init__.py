"""Sharing independent pieces of work among processes, here or on a Ray cluster."""
