"""Data sets in the formats that people have."""
