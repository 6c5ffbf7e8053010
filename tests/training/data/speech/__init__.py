"""Tests of clips and their preparation."""
