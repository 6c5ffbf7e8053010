"""Smaller and faster models, each gain measured."""
