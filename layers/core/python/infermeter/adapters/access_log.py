"""The gateway's access log in CloudWatch, in the format that the stage was given."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from infermeter.adapters.log_events import documents
from infermeter.reconciliation.answers import SLACK_MS, Answer, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient

PATTERN = '{ $.method = "POST" }'
# The stage, or a domain's base path, may stand before them.
CHARGED = ("/infer", "/v1/embeddings")


class CloudWatchAccessLog:
    """The `AccessLog` over a log group."""

    def __init__(self, client: CloudWatchLogsClient, group: str) -> None:
        self._client, self._group = client, group

    def answers(self, start_ms: int, end_ms: int) -> Iterator[Answer]:
        """By the time that the line itself gives: it is written when the answer is out."""
        lines = documents(
            self._client, self._group, PATTERN, start_ms - SLACK_MS, end_ms + SLACK_MS
        )
        for _, line in lines:
            # The gateway writes every value as text.
            if line.get("method") != "POST" or not _decoded(line.get("path")).endswith(CHARGED):
                continue
            if not (str(line["time"]).isdecimal() and str(line["status"]).isdecimal()):
                continue  # "-" is what it does not know, and so it is not known here
            at_ms = int(line["time"])
            if start_ms <= at_ms < end_ms:
                yield Answer(mark(line["request_id"]), int(line["status"]), at_ms)


def _decoded(path: object) -> str:
    """As the function routes it, whether the log has it as it was sent or decoded once."""
    text = str(path)
    while "%" in text and (plain := unquote(text)) != text:
        text = plain
    return text
