"""What a model is opened from: one module for each form of source."""
