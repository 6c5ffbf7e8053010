"""AWS Marketplace's metering API."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from infermeter.export.vendors import Answer, Silence

_NOT_SENT = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)


class MarketplaceMetering:
    """The `Metering` over a client; its own retries send the same again, which counts once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, request: dict[str, Any]) -> dict[str, Any] | Answer | Silence:
        """Calls BatchMeterUsage."""
        try:
            answer: dict[str, Any] = self._client.batch_meter_usage(**request)
        except ClientError as error:
            facts: Any = error.response
            status = facts.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            said = facts.get("Error", {})
            return Answer(status, f"{said.get('Code')}: {said.get('Message', '')}".encode())
        except ParamValidationError as error:
            return Answer(400, f"ParamValidation: {error}".encode())
        except BotoCoreError as error:
            return Silence(type(error).__name__, not isinstance(error, _NOT_SENT))
        return answer
