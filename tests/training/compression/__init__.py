"""Pruning, clustering and quantization, and what they gain."""
