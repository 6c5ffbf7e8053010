"""The HTTP API, whatever carries it: a route table, its endpoints, and errors as responses."""
