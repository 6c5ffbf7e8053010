"""CloudFormation's bucket properties in the XML of S3's own API."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_RULE_PROPERTIES = {
    "AbortIncompleteMultipartUpload",
    "ExpirationInDays",
    "Id",
    "NoncurrentVersionExpiration",
    "Prefix",
    "Status",
}


def encryption_xml(encryption: dict[str, Any]) -> bytes:
    """PutBucketEncryption's body for `BucketEncryption`."""
    root = Element("ServerSideEncryptionConfiguration", xmlns=NAMESPACE)
    for rule in encryption["ServerSideEncryptionConfiguration"]:
        element = SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault", {})
        if default:
            apply = SubElement(element, "ApplyServerSideEncryptionByDefault")
            for name in ("SSEAlgorithm", "KMSMasterKeyID"):
                if name in default:
                    SubElement(apply, name).text = str(default[name])
        if "BucketKeyEnabled" in rule:
            SubElement(element, "BucketKeyEnabled").text = str(rule["BucketKeyEnabled"]).lower()
    return bytes(tostring(root))


def lifecycle_xml(lifecycle: dict[str, Any]) -> bytes:
    """PutBucketLifecycleConfiguration's body for `LifecycleConfiguration`.

    Raises ValueError on a property that is not translated, rather than drop it.
    """
    root = Element("LifecycleConfiguration", xmlns=NAMESPACE)
    for number, rule in enumerate(lifecycle["Rules"]):
        if unknown := set(rule) - _RULE_PROPERTIES:
            raise ValueError(f"lifecycle rule: {', '.join(sorted(unknown))} is not supported here")
        element = SubElement(root, "Rule")
        SubElement(element, "ID").text = str(rule.get("Id", f"rule-{number}"))
        SubElement(element, "Status").text = rule["Status"]
        SubElement(SubElement(element, "Filter"), "Prefix").text = rule.get("Prefix", "")
        if "ExpirationInDays" in rule:
            _days(element, "Expiration", "Days", rule["ExpirationInDays"])
        if noncurrent := rule.get("NoncurrentVersionExpiration"):
            days = noncurrent["NoncurrentDays"]
            _days(element, "NoncurrentVersionExpiration", "NoncurrentDays", days)
        if abort := rule.get("AbortIncompleteMultipartUpload"):
            days = abort["DaysAfterInitiation"]
            _days(element, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", days)
    return bytes(tostring(root))


def _days(parent: Element, action: str, name: str, days: object) -> None:
    SubElement(SubElement(parent, action), name).text = str(days)
