"""The embedded default: generated images of creatures with exact truth, and networks for them."""
