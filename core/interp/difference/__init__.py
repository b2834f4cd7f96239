"""Two results side by side: what differs, and whether a rerun is the same."""
