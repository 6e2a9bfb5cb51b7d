"""The region's certificate authority."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from local_region import authority


def test_stays_the_same_in_a_home(tmp_path: Path) -> None:
    first, second = authority.ensure(tmp_path), authority.ensure(tmp_path)
    assert first.pem == second.pem == (tmp_path / "ca.pem").read_bytes()
    assert authority.ensure(tmp_path / "other").pem != first.pem


def test_key_is_for_its_owner_only(tmp_path: Path) -> None:
    authority.ensure(tmp_path)
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600


def test_refuses_a_key_of_another_kind(tmp_path: Path) -> None:
    authority.ensure(tmp_path)
    from cryptography.hazmat.primitives.asymmetric import ed25519

    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "ca-key.pem").write_bytes(other)
    with pytest.raises(ValueError, match="elliptic curve"):
        authority.ensure(tmp_path)


def test_leaf_verifies_strictly_for_its_names(tmp_path: Path) -> None:
    ca = authority.ensure(tmp_path)
    certificate, key = ca.issue("db.example", "10.0.0.4")
    leaf = x509.load_pem_x509_certificate(certificate)
    leaf.verify_directly_issued_by(ca.certificate)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["db.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.4"]
    issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    subject = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert issuer == subject

    files = {"leaf.pem": certificate + key, "root.pem": ca.pem}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "leaf.pem")
    client = ssl.create_default_context(cafile=tmp_path / "root.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert handshake(server, client, "db.example")
    assert not handshake(server, client, "other.example")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    """Shake hands in memory; returns whether the client trusts the server."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(6):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return sides[0].version() is not None
