"""The stack's keys, for customers' own clients."""

from __future__ import annotations

from tests.stack import key, tenant  # noqa: F401  fixtures
