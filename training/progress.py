"""Progress for people and for SageMaker's metric definitions: `key=value` lines on stdout."""

from __future__ import annotations

import sys


def emit(**fields: object) -> None:
    """Write one line of `key=value` pairs and flush it."""
    sys.stdout.write(" ".join(f"{key}={value}" for key, value in fields.items()) + "\n")
    sys.stdout.flush()
