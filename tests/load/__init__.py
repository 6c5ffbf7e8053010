"""Load with duplicates, kills and throttling, against the local stack; then the books compared."""
