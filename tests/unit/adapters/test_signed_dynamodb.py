"""The signing client against a server of its own."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from infermeter.adapters.clients import Clients
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.signature import Credentials
from infermeter.adapters.signed_dynamodb import SignedDynamoDB, from_environment
from infermeter.errors import LedgerUnavailable
from infermeter.metering.sharding import ONE_SHARD
from tests.ports import Clock
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from collections.abc import Iterator

WANTED = {
    "INFERMETER_SIGNED": "1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-west-1",
}


@dataclass
class Server:
    """Answers with what is scripted, a status and a document or a text; keeps what it is sent.

    "close" closes the connection after the answer without saying so, "hang" never answers.
    """

    answers: list[Any] = field(default_factory=list)
    requests: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    clients: list[SignedDynamoDB] = field(default_factory=list)
    url: str = ""

    def client(self, **changes: Any) -> SignedDynamoDB:
        credentials = Credentials("id", "secret")
        made = SignedDynamoDB(credentials, "eu-west-1", endpoint=self.url, **changes)
        self.clients.append(made)
        return made


@pytest.fixture
def server() -> Iterator[Server]:
    script = Server()
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append((headers, json.loads(self.rfile.read(size))))
            answer = script.answers.pop(0)
            if answer == "hang":
                released.wait(10)
                self.close_connection = True
                return
            if answer == "drop":
                self.close_connection = True
                return
            status, document, *after = answer
            body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "close" in after

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{httpd.server_port}"
    yield script
    for client in script.clients:
        client.close()
    released.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def refusal(code: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}


def test_a_call_is_signed_and_named(server: Server) -> None:
    server.answers = [(200, {"Attributes": {}})]
    assert server.client().update_item(TableName="t") == {"Attributes": {}}
    ((headers, body),) = server.requests
    assert headers["x-amz-target"] == "DynamoDB_20120810.UpdateItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert "Credential=id/" in headers["authorization"]
    assert body == {"TableName": "t"}


def test_a_refusal_is_a_client_error_with_what_came_along(server: Server) -> None:
    item = {"pk": {"S": "a"}}
    server.answers = [refusal("ConditionalCheckFailedException", Item=item)]
    with pytest.raises(ClientError) as caught:
        server.client().put_item(TableName="t")
    assert caught.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert caught.value.response["Item"] == item  # type: ignore[typeddict-item]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "first",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        (500, {"__type": "InternalServerError"}),
        (503, "<html>busy</html>"),
        "drop",
    ],
)
def test_what_may_pass_is_tried_once_more(server: Server, first: Any) -> None:
    server.answers = [first, (200, {})]
    assert server.client().put_item(TableName="t") == {}
    assert len(server.requests) == 2


def test_twice_throttled_is_an_error(server: Server) -> None:
    server.answers = [refusal("ThrottlingException")] * 2
    with pytest.raises(ClientError, match="ThrottlingException"):
        server.client().put_item(TableName="t")


def test_silence_is_a_time_out_after_two_attempts(server: Server) -> None:
    server.answers = ["hang", "hang"]
    with pytest.raises(ReadTimeoutError):
        server.client(read_s=0.05).put_item(TableName="t")
    assert len(server.requests) == 2


def test_nobody_there_is_a_closed_connection(server: Server) -> None:
    client = SignedDynamoDB(Credentials("id", "s"), "eu-west-1", endpoint="http://127.0.0.1:9")
    with pytest.raises(ConnectionClosedError):
        client.put_item(TableName="t")


def test_a_connection_closed_in_the_meantime_costs_no_attempt(server: Server) -> None:
    server.answers = [(200, {}, "close"), refusal("ThrottlingException"), (200, {})]
    client = server.client()
    client.put_item(TableName="t")
    assert client.put_item(TableName="t") == {}
    assert len(server.requests) == 3


def test_the_ledger_takes_it_for_botocores(server: Server) -> None:
    client: Any = server.client()
    ledger, entry = DynamoLedger(client, "ledger", lambda _: ONE_SHARD, Clock()), charge()
    server.answers = [(200, {})]
    assert ledger.put(entry) is None
    ((_, body),) = server.requests
    server.answers = [refusal("ConditionalCheckFailedException", Item=body["Item"])]
    assert ledger.put(entry) == entry
    server.answers = [refusal("ThrottlingException")] * 2
    with pytest.raises(LedgerUnavailable):
        ledger.put(entry)


def test_it_goes_where_the_region_is() -> None:
    client = from_environment(WANTED)
    assert client is not None
    assert client.endpoint == "https://dynamodb.eu-west-1.amazonaws.com"
    local = from_environment({**WANTED, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert local is not None
    assert local.endpoint == "http://127.0.0.1:1"


@pytest.mark.parametrize("missing", WANTED)
def test_without_credentials_in_the_environment_there_is_none(missing: str) -> None:
    assert from_environment({**WANTED, missing: ""}) is None


def test_the_functions_clients_hand_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WANTED.items():
        monkeypatch.setenv(name, value)
    assert isinstance(Clients().hot_dynamodb(), SignedDynamoDB)
