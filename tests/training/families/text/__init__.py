"""Tests of the family `text`."""
