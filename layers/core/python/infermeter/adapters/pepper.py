"""The pepper under which keys' secrets are stored, from Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.adapters.clients import translated

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretPepper:
    """Reads the secret when first asked, once."""

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client, self._arn = client, arn
        self._pepper: bytes | None = None

    def __call__(self) -> bytes:
        """The pepper; StoreUnavailable when it cannot be read."""
        if self._pepper is None:
            with translated("pepper"):
                answer = self._client.get_secret_value(SecretId=self._arn)
            self._pepper = answer["SecretString"].encode()
        return self._pepper
