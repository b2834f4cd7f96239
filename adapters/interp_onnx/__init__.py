"""ONNX models for interp."""
