"""Texts as one stream of tokens, for language models."""
