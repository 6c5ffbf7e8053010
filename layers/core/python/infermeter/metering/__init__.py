"""The bill: request ids, the ledger, and usage folded from it."""
