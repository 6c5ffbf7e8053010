"""Clips of spoken words."""
