"""TCAV: how sensitive classes are to concepts that a user shows examples of."""
