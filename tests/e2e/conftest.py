"""The stack's keys."""

from __future__ import annotations

from tests.stack import key, tenant  # noqa: F401  fixtures
