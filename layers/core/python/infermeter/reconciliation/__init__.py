"""Reconciliation: answers, records and bill are compared; what does not agree is found."""
