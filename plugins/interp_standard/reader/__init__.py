"""Readers of data sets: COCO, Pascal VOC, tables, NumPy arrays, Hugging Face data sets."""
