"""All of it, for the command line and for tests; no function imports this."""

from __future__ import annotations

from infermeter.wiring.administration import Administration
from infermeter.wiring.export import Exporting
from infermeter.wiring.metering import Metering
from infermeter.wiring.serving import Serving


class OperatorWiring(Serving, Administration, Exporting, Metering):
    """Every part over one set of resources."""
