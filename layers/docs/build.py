"""Build of the documentation layer: Swagger UI, as `/docs` serves it.

It comes from the npm package that infra/package-lock.json pins. The two large files are compressed
here, once: the function hands them out as they are.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from infra.wheels import build_once, digest

SOURCE = Path("infra/node_modules/swagger-ui-dist")
PACKAGE = "infermeter_docs"

COMPRESSED = ("swagger-ui-bundle.js", "swagger-ui.css")
COPIED = ("favicon-32x32.png", "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt")

GZIP = 16 + zlib.MAX_WBITS  # a gzip header, without a time or a name

# Without it the folder would be a namespace, which any other of its name on the path joins.
INIT = '"""Swagger UI: the assets of the page at /docs."""\n'


class PackageMissing(RuntimeError):
    """npm has not installed what the layer is made of."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"swagger-ui-dist: expected {file}, got none; run 'make setup'")


def build(*, root: Path) -> Path:
    """Return the layer's folder (what Lambda mounts at /opt; the package is in its `python/`).

    The folder is built once below `root`/.build and its bytes depend only on this file, the npm
    package and zlib. Raises PackageMissing.
    """
    sources = {name: _read(root / SOURCE / name) for name in (*COMPRESSED, *COPIED)}
    own = (Path(__file__).read_bytes(), zlib.ZLIB_RUNTIME_VERSION.encode())
    key = digest(*own, *sources.values())

    def fill(target: Path) -> None:
        package = target / "python" / PACKAGE
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(INIT)
        for name in COMPRESSED:
            # The gzip module's header differs from one Python to the next, zlib's does not.
            (package / f"{name}.gz").write_bytes(zlib.compress(sources[name], 9, GZIP))
        for name in COPIED:
            (package / name).write_bytes(sources[name])

    return build_once(root / ".build" / "layers" / f"docs-{key}", fill)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise PackageMissing(file) from None
