"""Tests of the family `speech`."""
