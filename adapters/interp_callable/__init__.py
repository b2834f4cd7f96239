"""Functions and HTTP endpoints as models for interp."""
