"""Texts with classes: a source that comes with the system, files of a channel, cleaning."""
