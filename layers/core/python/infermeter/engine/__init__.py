"""Running models: a small runtime protocol, onnxruntime behind it, and what is kept loaded."""
