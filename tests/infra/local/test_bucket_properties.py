"""Bucket properties as S3's XML."""

from __future__ import annotations

import pytest

from infra.local.bucket_properties import encryption_xml, lifecycle_xml


def test_encryption_names_its_key():
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    xml = encryption_xml({"ServerSideEncryptionConfiguration": [rule]}).decode()
    assert "<KMSMasterKeyID>key</KMSMasterKeyID>" in xml
    assert "<BucketKeyEnabled>true</BucketKeyEnabled>" in xml


def test_lifecycle_has_its_days():
    rule = {"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 7}}
    assert "<NoncurrentDays>7</NoncurrentDays>" in lifecycle_xml({"Rules": [rule]}).decode()


def test_a_property_that_would_be_dropped_is_refused():
    with pytest.raises(ValueError, match="Transitions"):
        lifecycle_xml({"Rules": [{"Status": "Enabled", "Transitions": []}]})
