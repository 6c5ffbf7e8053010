"""Dense layers over rows of a table."""
