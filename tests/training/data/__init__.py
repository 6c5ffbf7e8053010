"""Tests of the tables and their preparation."""
