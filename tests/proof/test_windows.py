"""I8: a program whose ids are accepted for longer than the ledger remembers them does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from infermeter.metering import ids

WINDOWS = (
    "OPAQUE_WINDOW_S = 24 * 3600",
    "return 24 * 3600 if self is Channel.HTTP else 14 * 24 * 3600",
)


@pytest.mark.parametrize("line", WINDOWS)
def test_no_window_is_as_long_as_the_ttl(line: str) -> None:
    source = Path(ids.__file__).read_text()
    assert source.count(line) == 1
    longer = source.replace(line, line.replace("24 * 3600", "35 * 24 * 3600"))
    with pytest.raises(RuntimeError, match="shorter than the ledger's TTL"):
        exec(compile(longer, ids.__file__, "exec"), {"__name__": "ids"})  # noqa: S102
