"""AWS clients, and their failures as errors of the domain."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infermeter.adapters.signed_dynamodb import from_environment
from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

# A read that takes longer has failed: the caller's own deadline is 29 s.
_PATIENT = Config(
    connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"}
)
# Two attempts within the 2 s that a put into the ledger may take. The `standard` mode would wait up
# to 1 s between them; the `legacy` one waits 50 ms with DynamoDB.
_PROMPT = Config(
    connect_timeout=0.4, read_timeout=0.55, retries={"total_max_attempts": 2, "mode": "legacy"}
)
# After them, one attempt at the spool: it must be over within the second that is left.
_PROMPT_ONCE = _PROMPT.merge(Config(retries={"total_max_attempts": 1, "mode": "legacy"}))
# A search through a log takes its time, and five searches a second are all that an account may do.
_SEARCHING = Config(
    connect_timeout=2, read_timeout=60, retries={"total_max_attempts": 10, "mode": "standard"}
)


class ClientFactory(Protocol):
    """Makes a client of a service, as `boto3.Session().client` does."""

    def __call__(self, service_name: Any, *, config: Config) -> Any:
        """The client."""
        ...


class Clients:
    """Clients of one factory, made when first asked for.

    The default is botocore's own session: boto3 on top of it costs a cold start some 40 ms of
    imports that nothing here uses.
    """

    def __init__(self, factory: ClientFactory | None = None) -> None:
        self._factory: ClientFactory = factory or _session().create_client
        self._signed = from_environment() if factory is None else None
        self._made: dict[tuple[str, bool], Any] = {}

    def dynamodb(self, *, prompt: bool = False) -> DynamoDBClient:
        """DynamoDB; a `prompt` one gives up in time for the answer to be withheld."""
        client: DynamoDBClient = self._client("dynamodb", prompt=prompt)
        return client

    def hot_dynamodb(self) -> DynamoDBClient:
        """DynamoDB for single writes and reads on the request path, as prompt and with less around.

        The signing one where the function asks for it, else botocore's.
        """
        if self._signed is None:
            return self.dynamodb(prompt=True)
        return cast("DynamoDBClient", self._signed)

    def s3(self) -> S3Client:
        """S3."""
        client: S3Client = self._client("s3")
        return client

    def sqs(self, *, prompt: bool = False) -> SQSClient:
        """SQS; a `prompt` one tries once, and gives up in time for the answer to be withheld."""
        client: SQSClient = self._client("sqs", prompt=prompt)
        return client

    def secrets(self) -> SecretsManagerClient:
        """Secrets Manager."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs, for long searches; made anew each time."""
        client: CloudWatchLogsClient = self._factory("logs", config=_SEARCHING)
        return client

    def marketplace(self, region: str | None = None) -> Any:
        """AWS Marketplace's metering, in another region where one is named."""
        config = _PATIENT if region is None else _PATIENT.merge(Config(region_name=region))
        return self._factory("meteringmarketplace", config=config)

    def sts(self) -> STSClient:
        """Security Token Service."""
        client: STSClient = self._client("sts", prompt=True)
        return client

    def _client(self, service: str, *, prompt: bool = False) -> Any:
        key = (service, prompt)
        if key not in self._made:
            config = _PATIENT
            if prompt:
                config = _PROMPT_ONCE if service == "sqs" else _PROMPT
            if service == "s3":
                # Else a signed URL names the global endpoint, which redirects to another host
                # what was signed for its own.
                config = config.merge(
                    Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
                )
            self._made[key] = self._factory(service, config=config)
        return self._made[key]


def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register("before-parse.dynamodb.Query", _read_page)
    return session


def _read_page(**event: Any) -> None:
    """A page of items as JSON has it, which is how adapters read them.

    botocore would walk each by its description: a page of 1 MB takes it half a second, an hour's
    fold minutes.
    """
    answer = event["response_dict"]
    if answer["status_code"] == HTTPStatus.OK:
        event["customized_response_dict"].update(orjson.loads(answer["body"]))
        answer["body"] = b"{}"


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns the SDK's errors into StoreUnavailable, naming what did not answer and why."""
    try:
        yield
    except ClientError as error:
        raise StoreUnavailable(f"{what}: {error.response['Error'].get('Code')}; retry") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"{what}: {type(error).__name__}; retry") from error


def code_of(error: ClientError) -> str:
    """The service's error code."""
    return error.response["Error"].get("Code", "")
