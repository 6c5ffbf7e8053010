"""The page at `/docs`, what it loads, and what a browser may do on it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# By name: no request ever names another file.
ASSETS: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@cache
def page() -> tuple[bytes, str]:
    """The page in HTML and its Content-Security-Policy.

    It loads from its own origin alone; its one inline script is named by its digest.
    """
    html = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    (script,) = _SCRIPT.findall(html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        # Swagger UI writes `style` attributes, and its stylesheet has its icons in it.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return html.encode(), "; ".join(f"{name} {value}" for name, value in policy.items())
