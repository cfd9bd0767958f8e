"""`polydesk doctor` on set-ups that are broken for real: each fault is named, with what to do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import alembic.command
import grpc.aio
import pytest
from alembic.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import create_engine

from polydesk import dialects, store
from polydesk.api.v1 import secret_pb2
from polydesk.api.v1.secret_pb2_grpc import SecretServiceStub
from polydesk.config import Settings
from polydesk.doctor.database import judge_clock
from polydesk.doctor.finding import Verdict
from polydesk.doctor.machine import file_system, judge_space, missing
from polydesk.domain.keyring import new_line
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from tests.conftest import Native
from tests.gateway.envoy import Envoy
from tests.postgres import Server
from tests.stack import free_port

from .conftest import Command, Site, wait_until

pytestmark = pytest.mark.envoy

Told = dict[str, tuple[str, str]]
Doctor = Callable[..., Told]


@pytest.fixture
def doctor(command: Command, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Has the doctor look at a set-up; returns the verdict and the line of each check."""

    def look(**settings: object) -> Told:
        given = {"listen": f"127.0.0.1:{free_port()}"} | settings
        for name, value in given.items():
            monkeypatch.setenv(f"POLYDESK_{name.upper()}", str(value))
        done = command("doctor", "--json")
        found = {each["check"]: (each["verdict"], each["told"]) for each in json.loads(done.out)}
        amiss = any(verdict == "wrong" for verdict, _ in found.values())
        assert done.status == int(amiss), done
        return found

    return look


@pytest.fixture
def migrated(migrated_file: Path, tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    tmp_path.chmod(0o700)
    (tmp_path / "polydesk.db").write_bytes(migrated_file.read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def durable() -> Iterator[Server]:
    """A PostgreSQL as operators have it, which syncs."""
    server = Server(durable=True)
    yield server.start()
    server.remove()


@pytest.fixture
def database(durable: Server) -> str:
    url = durable.database(f"doctor_{free_port()}")
    asyncio.run(store.migrate(url))
    return url


def keep_secret(settings: Settings) -> None:
    """Keeps a secret in a set-up, as a hub does."""
    asyncio.run(_keep_secret(settings))


async def _keep_secret(settings: Settings) -> None:
    hub = await Hub.start(settings)
    async with grpc.aio.insecure_channel(hub.address) as channel:
        request = secret_pb2.CreateSecretRequest(
            parent="orgs/5", secret_id="pin", value="1234", secret=secret_pb2.Secret()
        )
        await SecretServiceStub(channel).CreateSecret(request, metadata=Native.headers())
    await hub.stop()


def test_of_a_running_site_all_is_well(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_DATA", str(site.data))
    monkeypatch.setenv("POLYDESK_LISTEN", site.listen)
    monkeypatch.setenv("POLYDESK_DEMO", "1")
    wait_until(lambda: '"working"' in site.log.read_text())

    done = command("doctor")

    assert done.status == 0, done.out
    assert "wrong" not in done.out
    assert f"ok    gateway: it answers at {site.listen}, and a hub behind it\n" in done.out
    assert "ok    worker: one works on runs\n" in done.out
    assert "ok    secret keys:" in done.out
    assert "ok    Envoy: it takes the configuration" in done.out
    assert len(done.out.splitlines()) >= 14


def test_a_folder_that_is_not_there(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor(data=tmp_path / "nowhere")

    assert found["data folder"][0] == "wrong"
    assert "polydesk migrate makes it" in found["data folder"][1]
    assert found["database"][0] == "wrong"


def test_a_folder_that_cannot_be_written(doctor: Doctor) -> None:
    verdict, told = doctor(data="/proc")["data folder"]  # not even root can

    assert verdict == "wrong"
    assert told.startswith("/proc cannot be written (")
    assert told.endswith("give it to the user that the hub runs as")


def test_a_folder_that_others_look_into(doctor: Doctor, migrated: Path) -> None:
    migrated.chmod(0o755)

    assert doctor()["data folder"] == (
        "look", f"others can look into {migrated}: chmod 700 it"
    )  # fmt: skip


def test_a_database_that_nobody_has_made(doctor: Doctor) -> None:
    verdict, told = doctor()["database"]

    assert verdict == "wrong"
    assert told.endswith("polydesk.db yet: polydesk migrate makes it")


def test_a_database_that_is_damaged(doctor: Doctor, migrated: Path) -> None:
    (migrated / "polydesk.db").write_bytes(b"this is no database" * 1_000)

    verdict, told = doctor()["database"]

    assert verdict == "wrong"
    assert "file is not a database" in told
    assert "put a backup of it in its place" in told


def test_a_database_of_an_older_version(doctor: Doctor, tmp_path: Path) -> None:
    upgrade(tmp_path / "polydesk.db", to="v0005")

    found = doctor()

    assert found["schema"] == (
        "wrong", f"it is v0005, older than {store.head()}: run polydesk migrate"
    )  # fmt: skip


def test_a_database_of_a_newer_version(doctor: Doctor, migrated: Path) -> None:
    connection = store.sqlite_library().connect(migrated / "polydesk.db")
    connection.execute("update alembic_version set version_num = 'v9000'")
    connection.commit()
    connection.close()

    verdict, told = doctor()["schema"]

    assert verdict == "wrong"
    assert told.startswith("it is v9000, newer than")
    assert "install the version of polydesk that made it" in told


def upgrade(path: Path, *, to: str) -> None:
    """Brings a new file to an older version than ours."""
    config = Config()
    scripts = Path(store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}", module=store.sqlite_library())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, to)
    engine.dispose()


@pytest.mark.postgres
def test_a_sound_postgresql(doctor: Doctor, database: str) -> None:
    found = doctor(database_url=database, secret_keys=new_line())

    for check in ("database", "schema", "PostgreSQL", "durability", "connections", "clock"):
        assert found[check][0] == "ok", found[check]
    assert found["worker"][0] == "look"
    assert found["attachments"][0] == "look"


@pytest.mark.postgres
def test_a_postgresql_that_is_stopped(doctor: Doctor, tmp_path: Path) -> None:
    server = Server().start()
    url = server.database("stopped").replace("postgres@", "postgres:hush-7d1f@")
    server.stop()
    try:
        found = doctor(database_url=url, blobs=tmp_path)
    finally:
        server.remove()

    verdict, told = found["database"]
    assert verdict == "wrong"
    assert f"no PostgreSQL answers at 127.0.0.1:{server.port}; start it, or mend the URL" in told
    assert "hush-7d1f" not in str(found)


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have(doctor: Doctor, durable: Server) -> None:
    verdict, told = doctor(database_url=durable.url("nowhere"))["database"]

    assert verdict == "wrong"
    assert "the server has no database nowhere" in told


@pytest.mark.postgres
def test_a_database_without_tables(doctor: Doctor, durable: Server) -> None:
    name = f"bare_{free_port()}"

    verdict, told = doctor(database_url=durable.database(name))["schema"]

    assert (verdict, told) == (
        "wrong", "it has no tables of ours: polydesk migrate makes them"
    )  # fmt: skip


@pytest.mark.postgres
def test_a_database_that_does_not_wait_for_its_disk(
    doctor: Doctor, durable: Server, database: str
) -> None:
    name = database.rpartition("/")[2]
    durable.sql(f'alter database "{name}" set synchronous_commit = off')

    verdict, told = doctor(database_url=database)["durability"]

    assert verdict == "wrong"
    assert told.startswith("synchronous_commit is off: what was answered as done may be lost")


@pytest.mark.postgres
def test_more_hubs_than_the_database_lets_in(doctor: Doctor, database: str) -> None:
    verdict, told = doctor(database_url=database, workers=64)["connections"]

    assert verdict == "wrong"
    assert told.startswith("max_connections is 200, this set-up takes up to 604: raise it")


@pytest.mark.postgres
def test_keys_of_another_hub(doctor: Doctor, database: str) -> None:
    kept = Settings(database_url=database, demo=True, secret_keys=new_line())
    keep_secret(kept)
    key = kept.secret_keys.get_secret_value().partition(":")[0]

    others = doctor(database_url=database, secret_keys=new_line())["secret keys"]
    none = doctor(database_url=database, secret_keys="")["secret keys"]
    forged = doctor(database_url=database, secret_keys=f"{key}:{new_line().partition(':')[2]}")
    right = doctor(database_url=database, secret_keys=kept.secret_keys.get_secret_value())

    assert others[0] == none[0] == forged["secret keys"][0] == "wrong"
    assert f"sealed with the key {key}, which the hub does not have" in others[1]
    assert "the hub has no keys for secrets" in none[1]
    assert (
        f"the key {key} is not the one that the newest secret was sealed with"
        in (forged["secret keys"][1])
    )
    assert right["secret keys"][0] == "ok"


def test_a_key_that_was_lost(doctor: Doctor, migrated: Path) -> None:
    keep_secret(Settings(data=migrated, demo=True))
    (migrated / "secrets.key").unlink()

    verdict, told = doctor(data=migrated)["secret keys"]

    assert verdict == "wrong"
    assert "secrets.key in the data folder cannot be read: No such file or directory" in told


def test_keys_that_others_can_read(doctor: Doctor, migrated: Path) -> None:
    keys = migrated / "keys"
    keys.write_text(f"{new_line()}\n")
    keys.chmod(0o644)

    verdict, told = doctor(secret_key_file=keys)["secret keys"]

    assert (verdict, told) == (
        "wrong", "others can read the file of POLYDESK_SECRET_KEY_FILE: chmod 600 it"
    )  # fmt: skip


def test_a_folder_of_attachments_that_is_not_there(doctor: Doctor, migrated: Path) -> None:
    verdict, told = doctor(blobs=migrated / "gone")["attachments"]

    assert verdict == "wrong"
    assert told.endswith("which POLYDESK_BLOBS names, is not there: make it")


def test_a_port_that_another_program_has(doctor: Doctor, migrated: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"

        verdict, told = doctor(listen=address)["gateway"]

    assert migrated.exists()
    assert verdict == "wrong"
    assert told.startswith(f"{address} cannot be listened at (Address already in use): end it")


def test_an_address_of_another_machine(doctor: Doctor) -> None:
    verdict, told = doctor(listen="192.0.2.7:8080")["gateway"]

    assert verdict == "wrong"
    assert "Cannot assign requested address" in told


def test_a_gateway_with_no_hub_behind_it(doctor: Doctor, migrated: Path) -> None:
    config = render(
        Gateway(listen="127.0.0.1:0", hubs=[f"127.0.0.1:{free_port()}"]), dialects.load()
    )
    envoy = Envoy.start(config)
    try:
        verdict, told = doctor(listen=envoy.address, data=migrated)["gateway"]
    finally:
        envoy.stop()

    assert verdict == "wrong"
    assert (
        told == f"it answers at {envoy.address}, and no hub behind it does: look at the hub's log"
    )


class Pair:
    """A certificate with its key, in files."""

    def __init__(self, folder: Path, *, since: timedelta, until: timedelta) -> None:
        folder.mkdir(exist_ok=True)
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk.example")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.key.chmod(0o600)


@pytest.mark.parametrize(
    ("since", "until", "verdict", "word"),
    [
        (-30, -1, "wrong", "expired on"),
        (2, 30, "wrong", "look at the clock"),
        (-30, 3, "look", "expires on"),
        (-30, 90, "ok", "is valid until"),
    ],
)
def test_a_certificate_and_its_dates(  # noqa: PLR0917 - a row of the table
    doctor: Doctor, migrated: Path, since: int, until: int, verdict: str, word: str
) -> None:
    pair = Pair(migrated / "tls", since=timedelta(days=since), until=timedelta(days=until))

    found = doctor(tls_certificate=pair.certificate, tls_key=pair.key)

    assert found["certificate"][0] == verdict
    assert word in found["certificate"][1]
    assert found["Envoy"][0] == "ok"


def test_a_key_of_another_certificate(doctor: Doctor, migrated: Path) -> None:
    days = {"since": timedelta(days=-1), "until": timedelta(days=90)}
    one, other = Pair(migrated / "one", **days), Pair(migrated / "other", **days)

    found = doctor(tls_certificate=one.certificate, tls_key=other.key)

    assert found["certificate"] == (
        "wrong", f"{other.key} is not the key of {one.certificate}: give the one that is"
    )  # fmt: skip
    assert found["Envoy"][0] == "wrong"


def test_a_certificate_that_is_not_there(doctor: Doctor, migrated: Path) -> None:
    gone = migrated / "gone.pem"

    found = doctor(tls_certificate=gone, tls_key=gone)

    assert found["certificate"] == (
        "wrong", f"{gone} cannot be read: No such file or directory"
    )  # fmt: skip


def test_a_demo_that_others_could_reach(doctor: Doctor, migrated: Path) -> None:
    verdict, told = doctor(listen=f"0.0.0.0:{free_port()}", demo=1, data=migrated)["demo"]

    assert verdict == "wrong"
    assert "everybody knows its passwords" in told


def test_a_hub_whose_address_is_none(doctor: Doctor, migrated: Path) -> None:
    verdict, told = doctor(hub="somewhere", data=migrated)["Envoy"]

    assert verdict == "wrong"
    assert "'somewhere' is no address: write host:port or unix:/path" in told


def test_a_realm_that_does_not_answer(doctor: Doctor, migrated: Path) -> None:
    issuer = f"http://127.0.0.1:{free_port()}/realms/desk"

    verdict, told = doctor(oidc_issuer=issuer, oidc_audience="desk", data=migrated)["OIDC"]

    assert verdict == "wrong"
    assert told.startswith(f"{issuer}: the identity provider cannot be reached")


@pytest.mark.parametrize(
    ("setting", "address", "verdict"),
    [
        ("metrics", "nonsense", "wrong"),
        ("metrics", "0.0.0.0:9464", "look"),
        ("metrics", "127.0.0.1:9464", "ok"),
        ("channelz", "0.0.0.0:9465", "wrong"),
    ],
)
def test_private_ports(
    doctor: Doctor, migrated: Path, setting: str, address: str, verdict: str
) -> None:
    assert doctor(data=migrated, **{setting: address})[setting][0] == verdict


def test_metrics_on_the_public_address(doctor: Doctor, migrated: Path) -> None:
    address = f"127.0.0.1:{free_port()}"

    verdict, told = doctor(data=migrated, listen=address, metrics=address)["metrics"]

    assert (verdict, told) == (
        "wrong", "POLYDESK_METRICS is the public address: give it a port of its own"
    )  # fmt: skip


def test_a_package_that_is_missing_or_too_old() -> None:
    asked = ["no-such-package-7d1f>=1", "structlog<1", "structlog>=1", "x; extra == 'otel'"]

    assert [told.partition(" ")[0] for told in missing(asked)] == [
        "no-such-package-7d1f", "structlog"
    ]  # fmt: skip


def test_a_network_is_told_from_a_disk_by_the_table_of_mounts() -> None:
    mounts = (
        "overlay / overlay rw 0 0\nfiler:/x /srv nfs4 rw 0 0\n"
        "/dev/sda /srv/local ext4 rw 0 0\nfiler:/y /a\\040b cifs rw 0 0\n"
    )

    kinds = [
        file_system(Path(path), mounts)
        for path in ("/var/desk", "/srv/desk", "/srv/local/desk", "/srvx", "/a b/desk")
    ]

    assert kinds == ["overlay", "nfs4", "ext4", "overlay", "cifs"]


def test_a_disk_is_full_or_nearly_so() -> None:
    verdicts = [judge_space(Path("/"), mb * 2**20).verdict for mb in (50, 500, 5_000)]

    assert verdicts == [Verdict.WRONG, Verdict.DOUBTFUL, Verdict.WELL]


def test_clocks_apart() -> None:
    verdicts = [judge_clock(seconds).verdict for seconds in (-90, 90, 5, 0.1)]

    assert verdicts == [Verdict.WRONG, Verdict.WRONG, Verdict.DOUBTFUL, Verdict.WELL]
