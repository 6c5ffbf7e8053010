"""Tests of pictures and their preparation."""
