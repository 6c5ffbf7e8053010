"""What API Gateway sends for a request: a REST proxy event, made anew for each call.

Each event comes out of `json.loads`, as from the Lambda runtime: no string of it was hashed, and
no body lies decoded, before the handler sees it.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

# What an HTTP client sends, then what the gateway adds.
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "Content-Type": "application/json",
    "User-Agent": "python-requests/2.34.2",
    "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
    "X-Amzn-Trace-Id": "Root=1-69258a3c-0a1b2c3d4e5f60718293a4b5",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


class Gateway:
    """One request, as many events as are asked for."""

    def __init__(
        self, path: str, body: bytes, headers: dict[str, str], *, in_base64: bool = True
    ) -> None:
        sent = _HEADERS | headers
        self._text = json.dumps(
            {
                "resource": "/{proxy+}",
                "path": path,
                "httpMethod": "POST",
                "headers": sent,
                "multiValueHeaders": {name: [value] for name, value in sent.items()},
                "queryStringParameters": None,
                "multiValueQueryStringParameters": None,
                "pathParameters": {"proxy": path.lstrip("/")},
                "stageVariables": None,
                "requestContext": _context(path),
                "body": base64.b64encode(body).decode() if in_base64 else body.decode(),
                "isBase64Encoded": in_base64,
            }
        )

    def event(self) -> dict[str, Any]:
        """A request that the gateway takes now, under an id of its own."""
        event: dict[str, Any] = json.loads(self._text)
        event["requestContext"]["requestId"] = str(uuid.uuid4())
        event["requestContext"]["extendedRequestId"] = f"{uuid.uuid4().hex[:15]}="
        event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
        return event


def _context(path: str) -> dict[str, Any]:
    return {
        "resourceId": "abc123",
        "resourcePath": "/{proxy+}",
        "httpMethod": "POST",
        "extendedRequestId": "",
        "requestTime": "25/Nov/2026:11:00:00 +0000",
        "path": f"/live{path}",
        "accountId": "123456789012",
        "protocol": "HTTP/1.1",
        "stage": "live",
        "domainPrefix": "a1b2c3d4e5",
        "requestTimeEpoch": 0,
        "requestId": "",
        "identity": {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "cognitoIdentityId": None,
            "caller": None,
            "sourceIp": "192.0.2.1",
            "principalOrgId": None,
            "accessKey": None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": None,
            "userAgent": "python-requests/2.34.2",
            "user": None,
        },
        "domainName": _HEADERS["Host"],
        "deploymentId": "d1e2f3",
        "apiId": "a1b2c3d4e5",
    }
