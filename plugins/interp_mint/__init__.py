"""MINT: one class explained at two scales at once, by regions and by their pieces."""
