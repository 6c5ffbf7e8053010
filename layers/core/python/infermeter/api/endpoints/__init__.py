"""What each route does: a module per group of endpoints, each a mapping from name to function."""
