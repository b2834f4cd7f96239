"""interp explains vision models: any method on any model, side by side."""
