"""Data in, three splits out; without torch."""
