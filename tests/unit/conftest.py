"""How Hypothesis runs here."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples on every machine, however slow or busy it is; no files left behind.
settings.register_profile(
    "unit",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")
