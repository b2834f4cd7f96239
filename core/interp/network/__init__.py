"""How images enter a network and how its answers come back."""
