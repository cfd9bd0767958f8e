"""What an operator sets: the environment (`POLYDESK_*`), read here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class Settings(BaseSettings):
    """The settings of one hub; the command line's options go before the environment."""

    model_config = SettingsConfigDict(env_prefix="POLYDESK_", frozen=True, extra="ignore")

    listen: str = Field("127.0.0.1:8080", description="Where the gateway listens: address:port")
    data: Path = Field(Path("var"), description="The folder of the hub's data")
    database_url: str = Field("", description="postgresql://… instead of SQLite in the data folder")
    hub: str = Field("", description="Where the hub itself listens: unix:/path or address:port")
    tls_certificate: str = Field(
        "", description="The file of the gateway's certificate and those above it, in PEM"
    )
    tls_key: str = Field("", description="The file of that certificate's private key, in PEM")
    tls_client_ca: str = Field(
        "", description="The file of those who certify clients; others are not let in then"
    )
    workers: int = Field(
        1, ge=1, le=64, description="Hub processes; more than one needs PostgreSQL"
    )
    demo: bool = Field(default=False, description="Seeds the demo; loopback only")
    reflection: bool = Field(default=True, description="Answers gRPC reflection")
    pages: bool = Field(default=True, description="Serves /console, /swagger and /openapi")
    log_level: str = Field("info", description="debug, info, warning or error")
    call_seconds: float = Field(15, gt=0, description="How long a call may take")
    blobs: str = Field(
        "",
        description="The folder of the attachments' bytes, shared where hubs run on many machines;"
        " $POLYDESK_DATA/blobs where it is empty",
    )
    largest_file: int = Field(
        200 * 1024 * 1024, ge=1, le=2**31 - 1, description="Bytes that an attachment may have"
    )
    secret_keys: SecretStr = Field(
        SecretStr(""), description="Keys of secrets, id:base64,id:base64; the first one seals"
    )
    secret_key_file: str = Field(
        "",
        description="A file of such keys instead, a line each; with neither, and SQLite,"
        " $POLYDESK_DATA/secrets.key is made",
    )
    local_targets: bool = Field(
        default=False, description="Lets runs execute commands on this machine; so does the demo"
    )
    runs: int = Field(16, ge=1, le=256, description="Runs that a worker drives at once")
    rate: int = Field(0, ge=0, description="Requests a second that the gateway takes; 0: any")
    origins: str = Field(
        "",
        description="Web pages elsewhere that may call: https://… https://…, with blanks between",
    )
    oidc_issuer: str = Field(
        "",
        description="The realm whose tokens are good, too: https://…/realms/name; empty: none is",
    )
    oidc_audience: str = Field(
        "",
        validate_default=True,
        description="What its access tokens are for, by their claim aud; required with the issuer",
    )
    oidc_client_id: str = Field("", description="The hub's client there, for offline tokens")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="The secret of that client")
    oidc_org_claim: str = Field(
        "organization", min_length=1, description="The claim that names the org: number or name"
    )
    oidc_role_claim: str = Field(
        "", description="The claim that may hold polydesk-reader, polydesk-agent, polydesk-admin"
    )
    oidc_role: Literal["READER", "AGENT", "ADMIN", "NONE"] = Field(
        "AGENT", description="The role of whoever that claim gives none"
    )
    oidc_seconds: float = Field(5, gt=0, le=10, description="How long the realm may take to answer")

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        """Refuses what is no issuer, and what would send secrets in the clear."""
        url = urlsplit(issuer)
        if not issuer or (url.scheme == "https" and url.hostname):
            return issuer
        if url.scheme == "http" and url.hostname in _LOOPBACK:
            return issuer
        raise ValueError("an issuer is an https:// URL, or an http:// URL on this machine")

    @field_validator("oidc_audience")
    @classmethod
    def _check_audience(cls, audience: str, others: ValidationInfo) -> str:
        if others.data.get("oidc_issuer") and not audience:
            raise ValueError("it is required with POLYDESK_OIDC_ISSUER")
        return audience

    @property
    def tls(self) -> bool:
        """Tells whether the gateway speaks TLS."""
        return bool(self.tls_certificate)

    metrics: str = Field(
        "",
        description="Where a process tells its metrics and health: 127.0.0.1:9464; port 0: any"
        " that is free; empty: nowhere",
    )
    otlp: str = Field(
        "",
        description="The collector that traces go to, by OTLP over HTTP: http://127.0.0.1:4318;"
        " it needs polydesk[otel]",
    )
    channelz: str = Field(
        "", description="Where a hub answers channelz, which shows its peers: loopback alone"
    )

    @property
    def store_url(self) -> str:
        """Returns the URL of the database."""
        return self.database_url or f"sqlite:///{self.data.resolve() / 'polydesk.db'}"

    @property
    def blobs_folder(self) -> Path:
        """Returns the folder of the attachments' bytes."""
        return Path(self.blobs).resolve() if self.blobs else self.data.resolve() / "blobs"

    @property
    def named_keys(self) -> Path | None:
        """Returns the file of keys that the operator has named."""
        return Path(self.secret_key_file).resolve() if self.secret_key_file else None

    @property
    def own_keys(self) -> Path | None:
        """Returns the file in which a hub of one machine makes a key for itself."""
        return self.data.resolve() / "secrets.key" if self.embedded else None

    @property
    def engine_url(self) -> str:
        """Returns the URL of the database of the engine that drives runs."""
        if self.on_postgres:
            return self.store_url
        path = Path(self.store_url.removeprefix("sqlite:///"))
        return f"sqlite:///{path.with_name('runs.db')}"

    @property
    def on_postgres(self) -> bool:
        """Tells whether the database is one that many machines share."""
        return self.store_url.startswith("postgresql")

    @property
    def runs_folder(self) -> Path:
        """Returns the folder of what runs on this machine."""
        return self.data.resolve() / "runs"

    @property
    def embedded(self) -> bool:
        """Tells whether the database is SQLite in the data folder."""
        return not self.database_url

    def environment(self) -> dict[str, str]:
        """Returns the environment that gives another process these settings."""
        said = {f"POLYDESK_{name.upper()}": _plain(value) for name, value in self}
        paths = {
            "POLYDESK_DATA": str(self.data.resolve()),
            "POLYDESK_BLOBS": self.blobs and str(self.blobs_folder),
            "POLYDESK_SECRET_KEY_FILE": str(self.named_keys or ""),
            **{
                f"POLYDESK_TLS_{name}": file and str(Path(file).resolve())
                for name, file in {
                    "CERTIFICATE": self.tls_certificate,
                    "KEY": self.tls_key,
                    "CLIENT_CA": self.tls_client_ca,
                }.items()
            },
        }
        return {**os.environ, **said, **paths}


class Login(BaseSettings):
    """How a client of the command line logs in, where nobody can be asked."""

    model_config = SettingsConfigDict(env_prefix="POLYDESK_", frozen=True, extra="ignore")

    password: SecretStr = Field(
        default=SecretStr(""), description="The password of --user, where commands call a hub"
    )
    token: SecretStr = Field(default=SecretStr(""), description="A token instead of --user")
    client_certificate: Path | None = Field(
        default=None,
        description="What commands show to a gateway that asks for a certificate: a PEM file",
    )
    client_key: Path | None = Field(default=None, description="The private key of that: a PEM file")


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
