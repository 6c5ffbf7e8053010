"""The archive bucket, and the stream's records."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infermeter.adapters.archive import S3Archive, S3Manifests, change_of
from infermeter.adapters.items import to_item
from infermeter.adapters.ledger import _row
from infermeter.errors import StoreUnavailable
from infermeter.metering.archive import ChangeType
from infermeter.metering.ids import RequestId
from tests.unit.metering.test_fold import HOUR, charge

if TYPE_CHECKING:
    from tests.cloud import Cloud


@pytest.fixture
def archive(cloud: Cloud) -> S3Archive:
    return cloud.wiring.archive


@pytest.fixture
def manifests(cloud: Cloud) -> S3Manifests:
    return cloud.wiring.manifests


def keys(cloud: Cloud) -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=cloud.resources.archive_bucket)
    return [each["Key"] for each in listed.get("Contents", ())]


def put(cloud: Cloud, key: str, body: bytes) -> None:
    boto3.client("s3").put_object(Bucket=cloud.resources.archive_bucket, Key=key, Body=body)


def test_lines_lie_below_their_hour(cloud: Cloud, archive: S3Archive) -> None:
    archive.write("2026092114", "1-2", [b'{"a":1}', b'{"a":2}'])
    (key,) = keys(cloud)
    assert key.startswith("ledger/dt=2026-09-21/hour=14/1-2-")
    assert key.endswith(".jsonl.gz")
    client = boto3.client("s3")
    body = client.get_object(Bucket=cloud.resources.archive_bucket, Key=key)["Body"].read()
    assert gzip.decompress(body) == b'{"a":1}\n{"a":2}\n'


def test_the_same_lines_are_the_same_object(cloud: Cloud, archive: S3Archive) -> None:
    for lines in ([b"1"], [b"1"], [b"2"]):
        archive.write(HOUR, "1-1", lines)
    assert len(keys(cloud)) == 2


def test_every_line_of_an_hour_is_read_and_no_other(archive: S3Archive) -> None:
    written = [b"%d" % number for number in range(40)]
    for number in range(20):
        archive.write("2026092114", str(number), written[2 * number : 2 * number + 2])
    archive.write("2026092115", "1", [b"other"])
    assert sorted(archive.lines("2026092114")) == sorted(written)
    assert list(archive.lines("2026092113")) == []


def test_no_more_than_a_few_objects_are_held_at_a_time(archive: S3Archive) -> None:
    for number in range(40):
        archive.write(HOUR, str(number), [b"%d" % number])
    reads: list[str] = []
    archive._client.meta.events.register(
        "before-call.s3.GetObject", lambda model, **_: reads.append(model.name)
    )
    lines = archive.lines(HOUR)
    for taken in range(1, 20):
        next(lines)
        assert len(reads) <= taken + 8
    assert len(list(lines)) == 21


def test_a_damaged_object_is_not_left_out(cloud: Cloud, archive: S3Archive) -> None:
    put(cloud, "ledger/dt=2026-09-21/hour=14/1-1-x.jsonl.gz", gzip.compress(b"1" * 99)[:-9])
    with pytest.raises(StoreUnavailable, match="compressed by gzip"):
        list(archive.lines("2026092114"))


def test_a_bucket_that_does_not_answer_is_unavailable(archive: S3Archive) -> None:
    gone = S3Archive(archive._client, "nowhere")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        list(gone.lines(HOUR))
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        gone.write(HOUR, "1", [b"1"])


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_identities_are_read_as_they_were_kept(
    cloud: Cloud, manifests: S3Manifests, count: int
) -> None:
    identities = frozenset(number.to_bytes(16) for number in range(count))
    manifest = manifests.write("acme", "2026092114", identities)
    assert manifests.read("acme", "2026092114", manifest) == identities
    (key,) = keys(cloud)
    assert key == f"seals/acme/2026092114-{manifest[:16]}.bin.gz"


def test_two_sets_of_identities_do_not_write_over_one_another(manifests: S3Manifests) -> None:
    one, two = (frozenset({each * 16}) for each in (b"1", b"2"))
    first, _ = (manifests.write("acme", HOUR, each) for each in (one, two))
    assert manifests.read("acme", HOUR, first) == one


def test_a_manifest_that_was_changed_is_refused(cloud: Cloud, manifests: S3Manifests) -> None:
    manifest = manifests.write("acme", HOUR, frozenset({b"1" * 16}))
    put(cloud, keys(cloud)[0], gzip.compress(b"2" * 16))
    with pytest.raises(StoreUnavailable, match="restore it"):
        manifests.read("acme", HOUR, manifest)


ENTRIES = [charge(), charge(request_id=RequestId("order#17/a", None), units=-3)]
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def record(name: str, entry: Any = ENTRIES[0], **more: Any) -> dict[str, Any]:
    image = to_item(_row(entry))
    change = {
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": image,
        "SequenceNumber": "111",
        "ApproximateCreationDateTime": 1_790_000_000.0,
    }
    return {"eventName": name, "dynamodb": change, **more}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_insertion_is_its_entry(entry: Any) -> None:
    change = change_of(record("INSERT", entry))
    assert (change.type, change.entry, change.sequence) == (ChangeType.INSERTED, entry, "111")
    assert (change.tenant, change.at) == ("a", 1_790_000_000)


@pytest.mark.parametrize(
    ("event", "type_"),
    [
        (record("MODIFY"), ChangeType.MODIFIED),
        (record("REMOVE"), ChangeType.REMOVED),
        (record("REMOVE", userIdentity=TTL), ChangeType.EXPIRED),
        (record("REMOVE", userIdentity={**TTL, "type": "IAMUser"}), ChangeType.REMOVED),
        (record("REMOVE", userIdentity={"type": "Service"}), ChangeType.REMOVED),
        (record("REMOVE", userIdentity=None), ChangeType.REMOVED),
        (record("MODIFY", userIdentity=TTL), ChangeType.MODIFIED),
    ],
)
def test_only_the_time_to_live_may_remove(event: dict[str, Any], type_: ChangeType) -> None:
    change = change_of(event)
    assert (change.type, change.entry) == (type_, None)


@pytest.mark.parametrize("image", [{}, {"pk": {"S": "x"}, "sk": {"S": "y"}}, {"t": {"S": "gift"}}])
def test_what_is_no_entry_has_none(image: dict[str, Any]) -> None:
    event = record("INSERT")
    event["dynamodb"] |= {"NewImage": image, "Keys": {"pk": {"S": "x"}, "sk": {"S": "y"}}}
    change = change_of(event)
    assert (change.tenant, change.place, change.entry) == ("", "x y", None)
