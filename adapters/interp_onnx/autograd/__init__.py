"""ONNX graphs run by PyTorch operations, so that autograd records them: slopes in one pass."""
