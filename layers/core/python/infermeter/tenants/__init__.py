"""Who calls: keys, and the tenants that they stand for."""
