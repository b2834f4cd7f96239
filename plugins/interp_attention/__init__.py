"""Methods that explain vision transformers by the attention between their tokens."""
