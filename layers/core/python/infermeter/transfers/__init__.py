"""Tensors too large for a request or its answer: they travel through S3, by signed URLs."""
