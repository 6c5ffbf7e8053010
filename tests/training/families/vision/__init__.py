"""Tests of the family `vision`."""
