"""DynamoDB for the hot path: signed requests over one connection that is kept.

What botocore does around a request takes 0.6 to 0.8 ms of a put's time; this takes some 0.15. It
answers and raises as botocore's client does, for the operations named here, so that adapters take
either. Where it cannot work (no credentials in the environment), botocore's is used.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from infermeter.adapters.signature import Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TYPE = "application/x-amz-json-1.0"
_ATTEMPTS = 2
# After these, another attempt may succeed: the service's own faults, and its throttling.
_AGAIN = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class SignedDynamoDB:
    """A client of one region's DynamoDB, or of what answers at `endpoint`.

    It makes two attempts, each of which may take `connect_s` and `read_s`; a connection that the
    other side has closed in the meantime is opened again within an attempt.
    """

    def __init__(
        self,
        credentials: Credentials,
        region: str,
        *,
        endpoint: str = "",
        connect_s: float = 0.4,
        read_s: float = 0.55,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer = Signer(credentials, "dynamodb", region)
        self.endpoint = endpoint or f"https://dynamodb.{region}.amazonaws.com"
        parts = urlsplit(self.endpoint)
        self._host = parts.netloc
        self._read_s, self._clock = read_s, clock
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, timeout=connect_s, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(self._host, timeout=connect_s)

    def put_item(self, **arguments: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("PutItem", arguments)

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("UpdateItem", arguments)

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """As botocore's; give a `ClientRequestToken`, or a second attempt is a second act."""
        return self._call("TransactWriteItems", arguments)

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        """As botocore's."""
        return self._call("GetItem", arguments)

    def close(self) -> None:
        """Lets the connection go; the next call opens another."""
        self._connection.close()

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        body = orjson.dumps(arguments)
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                status, answer = self._exchange(operation, body)
            except TimeoutError as error:
                self._connection.close()
                if last:
                    raise ReadTimeoutError(endpoint_url=self.endpoint) from error
                continue
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last:
                    raise ConnectionClosedError(endpoint_url=self.endpoint) from error
                continue
            document = _document(answer)
            if status == 200:
                return document
            code = document.get("__type", "").rpartition("#")[2] or str(status)
            if last or not (code in _AGAIN or status >= 500):
                raise _client_error(document, code, status, operation)
            time.sleep(0.05)
        raise AssertionError("the last attempt returns or raises")

    def _exchange(self, operation: str, body: bytes) -> tuple[int, bytes]:
        headers = self._signer.sign(
            "POST",
            "/",
            {
                "content-type": _TYPE,
                "host": self._host,
                "x-amz-target": f"DynamoDB_20120810.{operation}",
            },
            body,
            self._clock(),
        )
        kept = self._connection.sock is not None
        try:
            return self._send(headers, body)
        except (ConnectionError, http.client.BadStatusLine):
            if not kept:
                raise
            # An idle connection is closed by the other side, or lost while we were frozen.
            self._connection.close()
            return self._send(headers, body)

    def _send(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self._connection.sock is None:
            self._connect()
        connection: Any = self._connection
        connection.sock.settimeout(self._read_s)
        connection.request("POST", "/", body, headers)
        response = connection.getresponse()
        return response.status, response.read()

    def _connect(self) -> None:
        connection: Any = self._connection
        connection.connect()
        # Headers and body go out in two writes, and the second would wait for an acknowledgement.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def from_environment(environment: Mapping[str, str] = os.environ) -> SignedDynamoDB | None:
    """The client of a Lambda function that asks for one (`INFERMETER_SIGNED=1`).

    None where credentials are not plain variables, as under SnapStart: botocore finds them.
    """
    access_key = environment.get("AWS_ACCESS_KEY_ID", "")
    secret_key = environment.get("AWS_SECRET_ACCESS_KEY", "")
    region = environment.get("AWS_REGION", "")
    if environment.get("INFERMETER_SIGNED") != "1" or not (access_key and secret_key and region):
        return None
    endpoint = environment.get("AWS_ENDPOINT_URL_DYNAMODB") or environment.get("AWS_ENDPOINT_URL")
    credentials = Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN", ""))
    return SignedDynamoDB(credentials, region, endpoint=endpoint or "")


def _document(answer: bytes) -> dict[str, Any]:
    """The answer; empty where something on the way answered in its own words."""
    try:
        document = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _client_error(document: dict[str, Any], code: str, status: int, operation: str) -> ClientError:
    message = document.pop("message", None) or document.pop("Message", "")
    document.pop("__type", None)
    response: Any = {
        **document,
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)
