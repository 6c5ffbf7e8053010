"""Hard limits: rates and budgets, taken from leases so that no request waits for a table."""
