"""About the server; no key needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter import __version__
from infermeter.api.rendering import render_json
from infermeter.wire.metadata import server_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.api.exchange import Endpoint

ENDPOINTS: Mapping[str, Endpoint] = {
    "server_metadata": lambda _: render_json(server_metadata(__version__)),
    "server_live": lambda _: render_json({"live": True}),
    # Both keys: kserve's client reads them, Triton's reads the status alone.
    "server_ready": lambda _: render_json({"ready": True, "live": True}),
}
