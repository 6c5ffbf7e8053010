"""Residual networks over pictures."""
