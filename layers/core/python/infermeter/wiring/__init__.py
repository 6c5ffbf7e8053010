"""Which adapter stands behind which port: one module for each part that is deployed together."""
