"""How the shipped networks and sample images are made, and checks that creatures are hard enough.

For maintainers; `make models` trains again. What a user opens by name is in interp_creatures.
"""
