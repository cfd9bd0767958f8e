"""The client over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from polydesk.api.v1.ticket_pb2 import GetTicketRequest
from polydesk.api.v1.ticket_pb2_grpc import add_TicketServiceServicer_to_server
from polydesk.client import Client, errors

from .conftest import QUICK, Script

GET = GetTicketRequest(name="tickets/1")


class Secure(NamedTuple):
    """A hub behind TLS, and the certificate by which it is known."""

    address: str
    certificate: bytes


def make_certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
async def secure() -> AsyncIterator[Secure]:
    """A hub behind TLS."""
    private, certificate = make_certificate()
    server = grpc.aio.server()
    add_TicketServiceServicer_to_server(Script(), server)
    credentials = grpc.ssl_server_credentials([(private, certificate)])
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    yield Secure(f"localhost:{port}", certificate)
    await server.stop(None)


async def test_a_hub_is_known_by_its_certificate(secure: Secure) -> None:
    async with Client(secure.address, root_certificates=secure.certificate) as client:
        ticket = await client.tickets.GetTicket(GET)

    assert ticket.name == "tickets/1"


async def test_a_hub_that_is_not_known_gets_nothing(secure: Secure) -> None:
    async with Client(secure.address, token="t", tls=True, patience=QUICK) as client:
        with pytest.raises(errors.Unavailable):
            await client.tickets.GetTicket(GET)
