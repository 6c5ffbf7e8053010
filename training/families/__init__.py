"""Networks, one module for each family."""
