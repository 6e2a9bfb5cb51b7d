"""ACM: what was imported is what is returned, and a renewal keeps its ARN."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture(scope="module")
def acm(cloud: Any) -> Any:
    return cloud.client("acm")


def make(common_name: str) -> tuple[bytes, bytes]:
    """Return a self-signed certificate and its key, PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={common_name}")
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return builder.sign(key, hashes.SHA256()).public_bytes(pem), key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, plain
    )


def test_chain_is_what_was_given(acm: Any) -> None:
    (certificate, key), (chain, _) = make("web.internal"), make("authority")
    arn = acm.import_certificate(Certificate=certificate, PrivateKey=key, CertificateChain=chain)["CertificateArn"]
    found = acm.get_certificate(CertificateArn=arn)
    assert found["Certificate"].strip() == certificate.decode().strip()
    assert found["CertificateChain"].strip() == chain.decode().strip()
    acm.delete_certificate(CertificateArn=arn)


def test_no_chain_stays_no_chain_and_a_renewal_keeps_arn_and_tags(acm: Any) -> None:
    certificate, key = make("web.internal")
    arn = acm.import_certificate(
        Certificate=certificate, PrivateKey=key, Tags=[{"Key": "graviflow:stack", "Value": "test"}]
    )["CertificateArn"]
    assert not acm.get_certificate(CertificateArn=arn).get("CertificateChain")
    renewed, key = make("web.internal")
    again = acm.import_certificate(CertificateArn=arn, Certificate=renewed, PrivateKey=key)["CertificateArn"]
    assert again == arn
    assert acm.get_certificate(CertificateArn=arn)["Certificate"].strip() == renewed.decode().strip()
    tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
    assert tags == [{"Key": "graviflow:stack", "Value": "test"}]
    acm.delete_certificate(CertificateArn=arn)
