"""The door: its port, Envoy and its configuration, its certificate, and the hub behind it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
from cryptography import x509

from polydesk import dialects, gateway
from polydesk.config import Settings
from polydesk.doctor.finding import Finding, doubtful, well, wrong
from polydesk.domain.errors import PolydeskError, Unavailable
from polydesk.gateway import Gateway, Tls
from polydesk.outbound.oidc import OidcProvider

_SECONDS: Final = 5.0
_SOON: Final = timedelta(days=14)
_OTHERS: Final = 0o077


async def check_gateway(settings: Settings) -> AsyncIterator[Finding]:
    """Yields what there is to say of the way from a client to a hub."""
    yield _demo(settings)
    if settings.tls:
        yield _certificate(settings)
    yield await asyncio.to_thread(_envoy, settings)
    yield await _door(settings)
    for setting, address in (
        ("POLYDESK_METRICS", settings.metrics),
        ("POLYDESK_CHANNELZ", settings.channelz),
    ):
        if address:
            yield _private(setting, address, settings)
    if settings.oidc_issuer:
        yield await _issuer(settings)


def _demo(settings: Settings) -> Finding:
    host = _split(settings.listen)[0]
    if settings.demo and not _is_loopback(host):
        return wrong(
            "demo",
            f"it does not serve at {settings.listen}, which others can reach: everybody knows its"
            " passwords; listen on 127.0.0.1, or unset POLYDESK_DEMO",
        )
    return well("demo", "on, for this machine alone" if settings.demo else "off")


def _certificate(settings: Settings) -> Finding:
    try:
        return _judged(Path(settings.tls_certificate), Path(settings.tls_key), settings)
    except OSError as error:
        return wrong("certificate", f"{error.filename} cannot be read: {error.strerror}")


def _judged(certificate: Path, key: Path, settings: Settings) -> Finding:
    if not settings.tls_key:
        return wrong("certificate", "POLYDESK_TLS_KEY is not set: name the file of its key")
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except ValueError:
        return wrong("certificate", f"{certificate} holds no certificate in PEM")
    if settings.tls_client_ca:
        x509.load_pem_x509_certificates(Path(settings.tls_client_ca).read_bytes())
    key.read_bytes()
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except ssl.SSLError:
        return wrong("certificate", f"{key} is not the key of {certificate}: give the one that is")
    return _dates(chain[0], certificate, key)


def _dates(leaf: x509.Certificate, certificate: Path, key: Path) -> Finding:
    now, until = datetime.now(UTC), leaf.not_valid_after_utc
    if until < now:
        return wrong("certificate", f"{certificate} expired on {until:%Y-%m-%d}: renew it")
    if leaf.not_valid_before_utc > now:
        since = leaf.not_valid_before_utc
        return wrong(
            "certificate", f"{certificate} is valid from {since:%Y-%m-%d} on: look at the clock"
        )
    if until - now < _SOON:
        return doubtful("certificate", f"{certificate} expires on {until:%Y-%m-%d}: renew it")
    if key.stat().st_mode & _OTHERS:
        return doubtful("certificate", f"others can read {key}: chmod 600 it")
    return well("certificate", f"{certificate} is valid until {until:%Y-%m-%d}")


def _envoy(settings: Settings) -> Finding:
    files = Tls(
        certificate=settings.tls_certificate,
        key=settings.tls_key,
        client_ca=settings.tls_client_ca,
    )
    try:
        wanted = Gateway(
            listen=settings.listen.replace("localhost", "127.0.0.1"),
            hubs=[settings.hub or "127.0.0.1:50051"],
            rate=settings.rate,
            origins=settings.origins.split(),
            tls=files if settings.tls else None,
        )
        gateway.check(gateway.render(wanted, dialects.load()))
    except (gateway.EnvoyMissing, gateway.ConfigurationRefused, PolydeskError) as error:
        return wrong("Envoy", " ".join(str(error).split())[-300:])
    return well("Envoy", "it takes the configuration of these settings")


async def _door(settings: Settings) -> Finding:
    """Tells who is at the gateway's port, if anybody is, and whether a hub is behind it."""
    host, port = _split(settings.listen)
    if not port:
        return wrong("gateway", f"POLYDESK_LISTEN is {settings.listen!r}: write 127.0.0.1:8080")
    if told := cannot_listen(host, port):
        return await _who(settings, told)
    return well("gateway", f"{settings.listen} is free: nothing runs there")


async def _who(settings: Settings, told: str) -> Finding:
    status, server = await _ask(settings)
    if server != "polydesk":
        return wrong("gateway", f"{told}: end it, or set POLYDESK_LISTEN to another port")
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        return wrong("gateway", f"it answers at {settings.listen}, and no hub behind it does: look"
                     " at the hub's log")  # fmt: skip
    return well("gateway", f"it answers at {settings.listen}, and a hub behind it")


async def _ask(settings: Settings) -> tuple[int, str]:
    """Returns the status of /readyz, and what calls itself the server there."""
    host, port = _split(settings.listen)
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    where = f"[{there}]:{port}" if ":" in there else f"{there}:{port}"
    url = f"{'https' if settings.tls else 'http'}://{where}/readyz"
    timeout = aiohttp.ClientTimeout(_SECONDS)
    try:
        # Who it is is not in question here, and its certificate is looked at elsewhere.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, ssl=False) as answer,
        ):
            return answer.status, answer.headers.get("server", "")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return 0, ""


def cannot_listen(host: str, port: int) -> str:
    """Returns why nothing can listen there, or nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(1)
    except OSError as error:
        return f"{host}:{port} cannot be listened at ({error.strerror})"
    return ""


def _private(setting: str, address: str, settings: Settings) -> Finding:
    check = setting.removeprefix("POLYDESK_").lower()
    host, port = _split(address)
    if not host or (not port and not address.endswith(":0")):
        return wrong(check, f"{setting} is {address!r}: write 127.0.0.1:9464")
    if address == settings.listen:
        return wrong(check, f"{setting} is the public address: give it a port of its own")
    if check == "channelz" and not _is_loopback(host):
        return wrong(check, f"others can read {address}, and it shows who calls: use 127.0.0.1")
    if not _is_loopback(host):
        return doubtful(check, f"others can read {address}: keep them away with a firewall")
    return well(check, f"told at {address}")


async def _issuer(settings: Settings) -> Finding:
    provider = OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        seconds=settings.oidc_seconds,
    )
    try:
        await provider.keys()
    except Unavailable as error:
        return wrong("OIDC", f"{settings.oidc_issuer}: {error.message}")
    finally:
        await provider.close()
    return well("OIDC", f"{settings.oidc_issuer} publishes its keys")


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    return (host, int(port)) if port.isdecimal() else (host, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
