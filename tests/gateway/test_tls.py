"""The gateway over TLS, and over TLS with clients that have to show a certificate."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from polydesk.cli import run
from polydesk.client import Certificate, Client, HubError, Patience
from polydesk.client.messages import identity_pb2
from tests.stack import DEMO, Stack

pytestmark = pytest.mark.envoy


class Pair(NamedTuple):
    """A certificate with its key, and the files in which they are."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    certificate_file: Path
    key_file: Path


def certified(folder: Path, name: str, by: Pair | None = None) -> Pair:
    """Makes a certificate, by itself or by another."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(by.key if by else key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Pair(certificate, key, *files)


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    return certified(tmp_path, "authority")


@pytest.fixture(params=["anybody", "certified"])
def site(
    request: pytest.FixtureRequest,
    authority: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Stack, bool]]:
    """A `polydesk up` over TLS, and whether clients have to show a certificate."""
    own = certified(tmp_path, "hub", authority)
    monkeypatch.setenv("POLYDESK_TLS_CERTIFICATE", str(own.certificate_file))
    monkeypatch.setenv("POLYDESK_TLS_KEY", str(own.key_file))
    if request.param == "certified":
        monkeypatch.setenv("POLYDESK_TLS_CLIENT_CA", str(authority.certificate_file))
    stack = Stack.start(tmp_path / "var", announced=True)
    yield stack, request.param == "certified"
    assert stack.stop() == 0


async def get(stack: Stack, context: ssl.SSLContext) -> int:
    url = f"https://127.0.0.1:{stack.port}/v2/incident/TicketStatus/INC0303863/1"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=DEMO, ssl=context) as answer,
    ):
        return answer.status


async def test_rest_and_grpc_go_over_tls_and_only_certified_clients_where_it_is_asked(
    site: tuple[Stack, bool], authority: Pair, tmp_path: Path
) -> None:
    stack, asks = site
    known = ssl.create_default_context(cafile=authority.certificate_file)
    shows = ssl.create_default_context(cafile=authority.certificate_file)
    client = certified(tmp_path, "client", authority)
    shows.load_cert_chain(client.certificate_file, client.key_file)
    others: Any = certified(tmp_path, "stranger")
    strange = ssl.create_default_context(cafile=authority.certificate_file)
    strange.load_cert_chain(others.certificate_file, others.key_file)

    assert await get(stack, shows) == 200
    with pytest.raises(aiohttp.ClientError):
        await get(stack, ssl.create_default_context())
    shown = Certificate(client.certificate_file.read_bytes(), client.key_file.read_bytes())
    assert await caller_of(stack, authority, shown) == "demo@example.com"
    if asks:
        for context in (known, strange):
            with pytest.raises(aiohttp.ClientError):
                await get(stack, context)
        with pytest.raises(HubError):
            await caller_of(stack, authority, None)
        return
    assert await get(stack, known) == 200
    assert await caller_of(stack, authority, None) == "demo@example.com"


async def caller_of(stack: Stack, authority: Pair, certificate: Certificate | None) -> str:
    async with Client(
        f"127.0.0.1:{stack.port}",
        login="demo@example.com",
        secret="demo",
        root_certificates=authority.certificate_file.read_bytes(),
        certificate=certificate,
        patience=Patience(attempts=2),
    ) as native:
        caller = await native.identity.GetCaller(identity_pb2.GetCallerRequest())
    return caller.login


def test_half_of_what_a_client_shows_is_told(
    authority: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["ticket", "list", "1", "--url", "https://127.0.0.1:1", "--user", "demo@example.com"]
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    monkeypatch.setenv("POLYDESK_CLIENT_CERTIFICATE", str(authority.certificate_file))
    assert run(call) == 1
    half = capsys.readouterr().err
    monkeypatch.setenv("POLYDESK_CLIENT_KEY", "/nowhere.key")
    assert run(call) == 1

    assert "POLYDESK_CLIENT_CERTIFICATE and POLYDESK_CLIENT_KEY belong together" in half
    assert capsys.readouterr().err == "polydesk: /nowhere.key is not there, or cannot be read\n"


def test_half_of_what_tls_needs_is_told(
    authority: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLYDESK_TLS_CERTIFICATE", str(authority.certificate_file))
    assert run(["up"]) == 1
    half = capsys.readouterr().err
    monkeypatch.setenv("POLYDESK_TLS_KEY", "/nowhere.key")
    assert run(["up"]) == 1

    assert "TLS needs POLYDESK_TLS_CERTIFICATE and POLYDESK_TLS_KEY" in half
    assert capsys.readouterr().err == "polydesk: /nowhere.key is not there, or cannot be read\n"
