"""PyTorch models for interp."""
