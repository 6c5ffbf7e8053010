"""Figures as SVG: the same numbers give the same bytes."""
