"""Secrets by gRPC, and that no other way leads to them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import msgspec
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import error_details_pb2, status_pb2
from pydantic import SecretStr

from polydesk.api.v1 import incident_pb2, secret_pb2, ticket_pb2
from polydesk.api.v1.secret_pb2_grpc import SecretServiceStub
from polydesk.composition import newest_entries
from polydesk.config import Settings
from polydesk.domain import demo
from polydesk.domain.errors import NotConfigured
from polydesk.domain.history import Entry
from polydesk.domain.identity import Role
from polydesk.domain.keyring import new_line
from polydesk.gateway.routes import read_contracts, read_routes
from polydesk.server import Hub
from polydesk.store import sqlite

if TYPE_CHECKING:
    from tests.conftest import Native
    from tests.stack import Rest

Secret = secret_pb2.Secret
VALUE = "hush-77aa03-never-to-be-seen"
NAME = "orgs/1/secrets/database"
DEMO = "orgs/1/secrets/demo"


def stub(native: Native) -> SecretServiceStub:
    return SecretServiceStub(native.channel)


async def make(native: Native, name: str = "database", **said: Any) -> Secret:
    headers, org = said.pop("headers", {}), said.pop("org", 1)
    secret = Secret(description=said.pop("description", ""))
    request = secret_pb2.CreateSecretRequest(
        parent=f"orgs/{org}", secret_id=name, secret=secret, value=said.pop("value", VALUE)
    )
    made: Secret = await stub(native).CreateSecret(request, metadata=native.headers(**headers))
    return made


async def get(native: Native, name: str = NAME, **headers: str) -> Secret:
    request = secret_pb2.GetSecretRequest(name=name)
    got: Secret = await stub(native).GetSecret(request, metadata=native.headers(**headers))
    return got


async def access(native: Native, name: str = NAME, **headers: str) -> str:
    request = secret_pb2.AccessSecretRequest(name=name)
    answer = await stub(native).AccessSecret(request, metadata=native.headers(**headers))
    return str(answer.value)


async def update(native: Native, name: str = NAME, **said: Any) -> Secret:
    headers, value = said.pop("headers", {}), said.pop("value", "")
    mask = FieldMask(paths=said.pop("mask", []))
    request = secret_pb2.UpdateSecretRequest(
        secret=Secret(name=name, **said), update_mask=mask, value=value
    )
    updated: Secret = await stub(native).UpdateSecret(request, metadata=native.headers(**headers))
    return updated


async def delete(native: Native, name: str = NAME, *, etag: str = "", **headers: str) -> Secret:
    request = secret_pb2.DeleteSecretRequest(name=name, etag=etag)
    gone: Secret = await stub(native).DeleteSecret(request, metadata=native.headers(**headers))
    return gone


async def page(native: Native, parent: str = "orgs/1", **asked: Any) -> Any:
    headers = asked.pop("headers", {})
    request = secret_pb2.ListSecretsRequest(parent=parent, **asked)
    return await stub(native).ListSecrets(request, metadata=native.headers(**headers))


async def told(folder: Path) -> list[Entry]:
    return await newest_entries(Settings(data=folder), None, limit=1_000)


def of_secrets(entries: list[Entry]) -> list[str]:
    return [each.action for each in entries if each.action.startswith("secret.")]


def violation_of(error: grpc.aio.AioRpcError) -> str:
    """Returns the field that an error names."""
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in details_of(error))
    return str(bad.field_violations[0].field)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in details_of(error))
    return str(info.reason)


def details_of(error: grpc.aio.AioRpcError) -> Any:
    trailing = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(trailing["grpc-status-details-bin"]).details


async def user(native: Native, login: str, **roles: Role) -> dict[str, str]:
    """Opens an account and returns how it logs in; a role is of the org that its name says."""
    given = {int(name.removeprefix("org")): role for name, role in roles.items()}
    await native.registry.add_user(login, "sesame", roles=given)
    return {"login": login, "secret": "sesame"}


async def test_a_secret_is_made_read_changed_and_deleted(native: Native) -> None:
    made = await make(native, description="of the database")

    kept = await access(native)
    changed = await update(native, value="another")
    listed = [*(await page(native)).secrets]
    gone = await delete(native)

    assert (made.name, made.description) == (NAME, "of the database")
    assert made.create_time == made.update_time == made.value_time
    assert (kept, await get(native, DEMO)) == (VALUE, listed[0])
    assert changed.value_time.ToNanoseconds() > made.value_time.ToNanoseconds()
    assert listed[1] == changed == gone
    with pytest.raises(
        grpc.aio.AioRpcError, match="there is no secret database in org 1"
    ) as caught:
        await access(native)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_demo_has_the_secret_of_the_guide(native: Native) -> None:
    api_user = {"login": demo.API_USER[0], "secret": demo.API_USER[1]}

    assert await access(native, DEMO) == await access(native, DEMO, **api_user) == "DemoPassword"


async def test_a_demo_that_starts_again_tells_nothing_new(hub: Hub, tmp_path: Path) -> None:
    before = await told(tmp_path)
    del hub

    await (await Hub.start(Settings(data=tmp_path, demo=True))).stop()

    assert await told(tmp_path) == before
    assert of_secrets(before) == ["secret.create"]


async def test_a_demo_that_an_older_version_seeded_gets_its_admins(
    hub: Hub, native: Native, tmp_path: Path
) -> None:
    await native.registry.set_role("demo@example.com", 1, Role.AGENT)
    del hub

    await (await Hub.start(Settings(data=tmp_path, demo=True))).stop()

    roles = (await native.registry.account_of("demo@example.com")).roles
    assert roles[1] is Role.ADMIN


async def test_the_names_of_a_secret_may_be_anything_without_a_slash(native: Native) -> None:
    names = ["a b", ".", "ünï✓", "%2F", "x" * 255, 'q"\\', "secrets"]

    for name in names:
        await make(native, name, value=f"of {name}")

    for name in names:
        assert await access(native, f"orgs/1/secrets/{name}") == f"of {name}"


@pytest.mark.parametrize("role", [Role.READER, Role.AGENT])
async def test_neither_a_reader_nor_an_agent_reaches_secrets(
    native: Native, tmp_path: Path, role: Role
) -> None:
    await make(native)
    ruth = await user(native, "ruth@example.com", org1=role)
    before = await told(tmp_path)

    for call in everything_as(native, ruth):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call()
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "lacks secrets." in (caught.value.details() or "")

    assert await told(tmp_path) == before


async def test_an_admin_elsewhere_is_an_agent_here(native: Native) -> None:
    await make(native)
    both = await user(native, "both@example.com", org1=Role.AGENT, org5=Role.ADMIN)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await access(native, **both)

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.details() == "both@example.com lacks secrets.read in org 1"


async def test_a_foreign_org_answers_like_a_missing_one(native: Native, tmp_path: Path) -> None:
    await make(native)
    eve = await user(native, "eve@example.com", org5=Role.ADMIN)
    before = await told(tmp_path)

    for org in (1, 77):
        for call in everything_as(native, eve, org=org):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call()
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert caught.value.details() == f"there is no org {org}"

    assert await told(tmp_path) == before


def everything_as(native: Native, who: dict[str, str], *, org: int = 1) -> list[Callable[[], Any]]:
    """Returns a call of each method."""
    name = f"orgs/{org}/secrets/database"
    return [
        lambda: make(native, "new", org=org, headers=who),
        lambda: get(native, name, **who),
        lambda: page(native, f"orgs/{org}", headers=who),
        lambda: update(native, name, value="x", headers=who),
        lambda: access(native, name, **who),
        lambda: delete(native, name, **who),
    ]


async def test_each_access_is_in_the_history_when_it_is_answered(
    native: Native, tmp_path: Path
) -> None:
    made = await make(native)

    for number in range(1, 4):
        assert await access(native, **{"x-request-id": f"r-{number}"}) == VALUE

        last = (await told(tmp_path))[-1]
        assert (last.action, last.org, last.ticket) == ("secret.access", 1, 0)
        assert (last.actor, last.via) == ("demo@example.com", "desk")
        said = msgspec.json.decode(last.fields)
        assert said == {"old": {}, "new": {"secret": "database", "etag": made.etag}}


async def test_reading_facts_is_told_too(native: Native, tmp_path: Path) -> None:
    await get(native, DEMO)
    await page(native)

    assert of_secrets(await told(tmp_path))[-2:] == ["secret.get", "secret.list"]


@pytest.mark.usefixtures("warnings_told")
async def test_a_value_is_nowhere_but_in_the_answer(
    native: Native, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    key = {"idempotency-key": "k-1"}
    request = secret_pb2.CreateSecretRequest(parent="orgs/1", secret_id="database", value=VALUE)
    await make(native, headers=key)
    await update(native, value=VALUE + "2", headers={"idempotency-key": "k-2"})
    assert await access(native) == VALUE + "2"
    answers = [
        str(await get(native)),
        str(await page(native)),
        str(await update(native, value=VALUE)),
    ]
    for call in (
        make(native),
        make(native, value=VALUE + "3", headers=key),
        make(native, "other", value=VALUE + "\0"),
        make(native, "other", value=VALUE * 4_000),
        make(native, "a/b"),
        make(native, org=77),
        update(native, "orgs/1/secrets/nowhere", value=VALUE),
        update(native, value=VALUE, etag="9.9"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        answers += [str(caught.value.details()), str(caught.value.trailing_metadata())]
        answers += [str(details_of(caught.value))]
    answers.append(str(await delete(native)))

    kept = bytes_below(tmp_path)
    said = b"polydesk.api.v1.SecretService/CreateSecret\n" + request.SerializeToString(
        deterministic=True
    )
    assert b"secret.access" in kept
    assert VALUE.encode() not in kept
    assert VALUE.encode().hex().encode() not in kept
    assert hashlib.sha256(said).digest() not in kept
    assert not any(VALUE in answer for answer in answers)
    assert VALUE not in "".join(capfd.readouterr())


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_key_makes_each_write_happen_once(native: Native, tmp_path: Path) -> None:
    first, second, third = ({"idempotency-key": f"k-{number}"} for number in range(3))

    made = [await make(native, headers=first) for _ in range(2)]
    changed = [await update(native, value="x", headers=second) for _ in range(2)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(native, value="y", headers=second)
    gone = [await delete(native, **third) for _ in range(2)]

    assert made[0] == made[1]
    assert changed[0] == changed[1] == gone[0] == gone[1]
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert of_secrets(await told(tmp_path))[1:] == [
        "secret.create", "secret.update", "secret.delete"
    ]  # fmt: skip


async def test_a_write_for_another_state_is_refused(native: Native) -> None:
    made = await make(native)
    guard = {"if-match": f'"{made.etag}"'}
    await update(native, value="x", headers=guard)

    for call in (
        update(native, value="y", headers=guard),
        update(native, value="y", etag=made.etag),
        delete(native, **guard),
        delete(native, etag=made.etag),
    ):
        with pytest.raises(grpc.aio.AioRpcError, match="was changed meanwhile") as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.ABORTED

    assert await access(native) == "x"


async def test_a_description_changes_by_itself_and_is_cleared_by_its_mask(native: Native) -> None:
    made = await make(native, description="first")

    second = await update(native, description="second")
    cleared = await update(native, mask=["description"])
    kept = await update(native, description="third", value="x")
    unchanged = await update(native, value="y")

    assert second.value_time == cleared.value_time == made.value_time
    assert [each.description for each in (second, cleared, kept, unchanged)] == [
        "second", "", "third", "third"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "secret_id"),
        ({"name": "a/b"}, "secret_id"),
        ({"name": "a\0"}, "secret_id"),
        ({"name": "x" * 256}, "secret_id"),
        ({"value": ""}, "value"),
        ({"value": "x" * 65_537}, "value"),
        ({"value": "a\0"}, "value"),
        ({"description": "x" * 1_001}, "secret.description"),
        ({"description": "a\0"}, "secret.description"),
    ],
)
async def test_a_bad_secret_says_what_to_mend(
    native: Native, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=field) as caught:
        await make(native, **said)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation_of(caught.value) == field


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "value"),
        ({"value": "x" * 65_537}, "value"),
        ({"mask": ["name"]}, "update_mask"),
        ({"description": "x" * 1_001}, "secret.description"),
        ({"name": "orgs/1/secrets/a/b", "value": "x"}, "name"),
        ({"name": "orgs/1", "value": "x"}, "secret.name"),
        ({"name": "tickets/1/secrets/a", "value": "x"}, "secret.name"),
    ],
)
async def test_a_bad_change_says_what_to_mend(
    native: Native, said: dict[str, Any], field: str
) -> None:
    await make(native)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(native, **said)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation_of(caught.value) == field
    assert await access(native) == VALUE


@pytest.mark.parametrize("name", ["", "orgs/1/secrets/", "orgs/x/secrets/a", "a/1/secrets/b"])
async def test_a_name_of_another_form_is_refused(native: Native, name: str) -> None:
    for call in (get(native, name), access(native, name), delete(native, name)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_pages_go_on_and_hold_at_most_a_hundred(native: Native) -> None:
    await asyncio.gather(*(make(native, f"s{index}", org=5) for index in range(103)))

    whole = await page(native, "orgs/5", page_size=5_000)
    rest = await page(native, "orgs/5", page_token=whole.next_page_token)

    names = [secret.name for answer in (whole, rest) for secret in answer.secrets]
    assert (len(whole.secrets), len(rest.secrets), len(set(names))) == (100, 3, 103)
    assert rest.next_page_token == ""
    with pytest.raises(grpc.aio.AioRpcError, match="belongs to another list"):
        await page(native, "orgs/1", page_token=whole.next_page_token)


async def test_what_was_tampered_with_answers_data_loss_without_detail(
    native: Native, tmp_path: Path
) -> None:
    await make(native)
    connection = sqlite.connect(str(tmp_path / "polydesk.db"), mode="rw")
    connection.execute("update secrets set name = 'stolen', org = 5 where name = 'database'")
    connection.close()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await access(native, "orgs/5/secrets/stolen")

    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
    assert caught.value.details() == "the secret cannot be opened"


async def test_a_watch_tells_no_secret_and_is_not_woken_by_one(native: Native) -> None:
    request = ticket_pb2.WatchTicketsRequest(parent="orgs/1", heartbeat_seconds=300)
    heard = native.tickets.WatchTickets(request, metadata=native.headers(), timeout=60)
    first = await heard.read()

    await make(native)
    for _ in range(20):
        await access(native)
    incident = incident_pb2.CreateIncidentRequest(
        parent="orgs/1", incident=ticket_pb2.Ticket(summary="printer on fire")
    )
    await native.incidents.CreateIncident(incident, metadata=native.headers())
    second = await heard.read()
    heard.cancel()

    assert isinstance(first, ticket_pb2.WatchTicketsResponse)
    assert isinstance(second, ticket_pb2.WatchTicketsResponse)
    assert first.WhichOneof("event") != "changed"
    assert second.changed.ticket.summary == "printer on fire"
    assert int(second.cursor) == int(first.cursor) + 22


async def test_no_ticket_leads_to_what_belongs_to_none(native: Native) -> None:
    request = ticket_pb2.ListTicketChangesRequest(parent="tickets/0")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.tickets.ListTicketChanges(request, metadata=native.headers())

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.fixture
async def keyless(postgres_url: str) -> AsyncIterator[Any]:
    """A stub of a demo hub on PostgreSQL, for which nobody has set keys."""
    hub = await Hub.start(Settings(database_url=postgres_url, demo=True))
    async with grpc.aio.insecure_channel(hub.address) as channel:
        yield SecretServiceStub(channel)
    await hub.stop()


@pytest.mark.postgres
async def test_with_postgresql_and_no_key_a_hub_serves_and_says_which_setting_to_give(
    keyless: SecretServiceStub, native: Native
) -> None:
    request = secret_pb2.CreateSecretRequest(parent="orgs/1", secret_id="a", value=VALUE)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await keyless.CreateSecret(request, metadata=native.headers())
    listed = await keyless.ListSecrets(
        secret_pb2.ListSecretsRequest(parent="orgs/1"), metadata=native.headers()
    )

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(caught.value) == "NOT_CONFIGURED"
    assert "set POLYDESK_SECRET_KEYS or POLYDESK_SECRET_KEY_FILE" in (caught.value.details() or "")
    assert not listed.secrets


@pytest.mark.postgres
async def test_with_postgresql_and_a_key_secrets_are_kept(
    postgres_url: str, native: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_SECRET_KEYS", new_line())
    hub = await Hub.start(Settings(database_url=postgres_url, demo=True))

    async with grpc.aio.insecure_channel(hub.address) as channel:
        answer = await SecretServiceStub(channel).AccessSecret(
            secret_pb2.AccessSecretRequest(name=DEMO), metadata=native.headers()
        )
    await hub.stop()

    assert answer.value == "DemoPassword"


async def test_keys_that_are_none_keep_the_hub_from_starting(sqlite_url: str) -> None:
    for wrong in ("nonsense", f"{new_line()},"):
        settings = Settings(database_url=sqlite_url, secret_keys=SecretStr(wrong))

        with pytest.raises(NotConfigured, match="of POLYDESK_SECRET_KEYS is not of the form"):
            await Hub.start(settings)


def test_no_route_leads_to_secrets() -> None:
    routes = read_routes(read_contracts())

    assert [route for route in routes if route.service.endswith(".SecretService")] == []


@pytest.mark.envoy
async def test_rest_reaches_no_secret(rest: Rest) -> None:
    json = {"content-type": "application/json"}

    answers = [
        await rest.request(
            "POST", "/polydesk.api.v1.SecretService/AccessSecret", json={"name": DEMO}, headers=json
        ),
        await rest.request("GET", f"/desk/v1/{DEMO}"),
        await rest.request("GET", f"/desk/v1/{DEMO}:access"),
        await rest.request("POST", "/desk/v1/orgs/1/secrets", json={"value": "x"}),
    ]

    assert [answer.status for answer in answers] == [404] * 4
    assert not any(b"DemoPassword" in answer.body for answer in answers)
