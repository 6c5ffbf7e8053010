"""The page at `/docs`, and what a browser may do on it."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

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
