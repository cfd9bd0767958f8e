"""What a hub tells Prometheus of itself, on a port of its own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import pytest

from polydesk import dialects
from polydesk.api.v1 import incident_pb2, ticket_pb2
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.config import Settings
from polydesk.domain.errors import NotConfigured, Unavailable
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from tests.conftest import Native
from tests.gateway.envoy import Envoy
from tests.stack import Rest
from tests.telemetry.page import Page, ask

ANYWHERE = "127.0.0.1:0"
PUSH = {
    "TicketNumber": "INC-planted-number", "Summary": "planted summary", "sys_id": "42",
    "StatusCode": "1", "Description": "It smokes.", "CreationDate": "2026-01-31 09:00:00",
    "LastModifiedDate": "2026-01-31 09:05:00", "TimeZone": "IST",
    "IsTimeZoneOrOffset": "TIMEZONE", "IsEpoch": "N", "ModuleId": "1",
}  # fmt: skip


@pytest.fixture
async def hub(seeded: Path, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub that tells its metrics."""
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    running = await Hub.start(Settings(data=tmp_path, metrics=ANYWHERE))
    yield running
    await running.stop()


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder whose sockets have short paths."""
    with tempfile.TemporaryDirectory(prefix="envoy-", dir="/tmp") as folder:
        yield Path(folder)


async def page(hub: Hub) -> Page:
    return await asyncio.to_thread(Page.of, hub.telemetry.address)


async def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    code: grpc.StatusCode = caught.value.code()
    return code


async def test_calls_are_counted_by_method_code_and_dialect(hub: Hub, native: Native) -> None:
    made = await native.incidents.CreateIncident(
        incident_pb2.CreateIncidentRequest(
            parent="orgs/5", incident=ticket_pb2.Ticket(summary="printer on fire")
        ),
        metadata=native.headers(),
    )
    name = made.name.replace("incidents", "tickets")
    for wanted in (name, name, "tickets/987654"):
        request = ticket_pb2.GetTicketRequest(name=wanted)
        if wanted == name:
            await native.tickets.GetTicket(request, metadata=native.headers())
        else:
            await refused(native.tickets.GetTicket(request, metadata=native.headers()))

    found = await page(hub)

    get = {"method": "TicketService/GetTicket", "dialect": "desk"}
    assert found.sum("polydesk_calls_total", **get, code="OK") == 2
    assert found.sum("polydesk_calls_total", **get, code="NOT_FOUND") == 1
    assert found.sum("polydesk_call_seconds_count", **get) == 3
    assert found.sum("polydesk_calls_under_way") == 0


async def test_rest_calls_are_counted_for_their_dialect(hub: Hub, rest: Rest) -> None:
    pushed = await rest.request("POST", "/v2/incident/orgentityid/1", json=[PUSH])
    await rest.request("POST", "/v2/incident/orgentityid/1", json=[PUSH | {"TicketNumber": ""}])

    found = await page(hub)

    assert pushed.status == 200
    push = {"dialect": "iautomate", "method": "IAutomateService/PushIncidentsV2"}
    assert found.sum("polydesk_calls_total", **push, code="OK") == 1
    assert found.sum("polydesk_calls_total", **push, code="INVALID_ARGUMENT") == 1


async def test_nothing_that_a_caller_sent_is_in_a_label(hub: Hub, rest: Rest) -> None:
    await rest.request("POST", "/v2/incident/orgentityid/1", json=[PUSH])
    for header in ("Planted cGxhbnRlZDpwbGFudGVk", "Basic cGxhbnRlZDpwbGFudGVk"):
        await rest.request("GET", "/desk/v1/tickets/1", headers={"Authorization": header})

    text = (await page(hub)).text

    assert "planted" not in text.casefold()
    assert "demo@example.com" not in text
    assert "cGxhbnRlZ" not in text


async def test_refused_credentials_are_counted_by_their_form(hub: Hub, native: Native) -> None:
    for header in ("Basic !!!", "Bearer no.no.no", "Digest x", "Apikey wrong", ""):
        metadata = [("authorization", header)] if header else []
        call = native.tickets.GetTicket(
            ticket_pb2.GetTicketRequest(name="tickets/1"), metadata=metadata
        )
        assert await refused(call) is grpc.StatusCode.UNAUTHENTICATED

    found = await page(hub)

    for scheme in ("basic", "bearer", "other", "apikey", "none"):
        assert found.sum("polydesk_credentials_refused_total", scheme=scheme) == 1


async def test_who_watches_is_told_while_they_do(hub: Hub, native: Native) -> None:
    watch = native.tickets.WatchTickets(
        ticket_pb2.WatchTicketsRequest(parent="orgs/5", heartbeat_seconds=1),
        metadata=native.headers(),
    )
    await watch.read()
    during = await page(hub)
    watch.cancel()
    while (after := await page(hub)).sum("polydesk_watches"):  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.05)

    method = {"method": "TicketService/WatchTickets"}
    assert during.sum("polydesk_watches") == 1
    assert during.sum("polydesk_calls_under_way", **method) == 1
    assert after.sum("polydesk_calls_under_way", **method) == 0
    assert after.sum("polydesk_calls_total", **method, code="CANCELLED") == 1
    assert after.sum("polydesk_call_seconds_count", **method) == 0


async def test_writes_that_share_a_transaction_are_told(store_url: str) -> None:
    hub = await Hub.start(Settings(database_url=store_url, demo=True, metrics=ANYWHERE))
    before = await page(hub)
    async with grpc.aio.insecure_channel(hub.address) as channel:
        incidents = IncidentServiceStub(channel)
        make = incident_pb2.CreateIncidentRequest(
            parent="orgs/5", incident=ticket_pb2.Ticket(summary="printer on fire")
        )
        await asyncio.gather(
            *(incidents.CreateIncident(make, metadata=Native.headers()) for _ in range(40))
        )
        await TicketServiceStub(channel).ListTickets(
            ticket_pb2.ListTicketsRequest(parent="orgs/5"), metadata=Native.headers()
        )

    after = await page(hub)
    await hub.stop()

    commits, calls = (
        after.sum(name) - before.sum(name)
        for name in ("polydesk_store_commit_seconds_count", "polydesk_store_group_calls_sum")
    )
    assert calls == 40
    assert 1 <= commits <= 40
    assert after.sum("polydesk_store_waiting") == 0
    assert after.sum("polydesk_store_reading") == 0
    assert after.sum("polydesk_store_readers") >= 1


async def test_prometheus_finds_the_process_and_its_version(hub: Hub) -> None:
    found = await page(hub)

    assert found.sum("process_resident_memory_bytes") > 1_000_000
    assert found.sum("process_cpu_seconds_total") > 0
    assert [sample.labels["version"] for sample in found.samples if "build" in sample.name]


async def test_metrics_are_not_on_the_public_listener(hub: Hub, rest: Rest) -> None:
    await page(hub)

    for path in ("/metrics", "/stats/prometheus", "/stats", "/quitquitquit"):
        assert (await rest.request("GET", path)).status == 404


async def test_a_hub_that_nobody_asks_listens_nowhere_else(seeded: Path, tmp_path: Path) -> None:
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    hub = await Hub.start(Settings(data=tmp_path))

    assert hub.telemetry.address == ""
    await hub.stop()


async def test_a_taken_port_is_named(hub: Hub, sqlite_url: str) -> None:
    taken = hub.telemetry.address

    with pytest.raises(Unavailable, match=f"metrics cannot be told at {taken}"):
        await Hub.start(Settings(database_url=sqlite_url, metrics=taken))


@pytest.mark.parametrize("address", ["9464", "localhost", "127.0.0.1:http", "127.0.0.1:70000"])
async def test_what_is_no_address_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="no address for metrics"):
        await Hub.start(Settings(data=tmp_path, metrics=address))


@pytest.mark.envoy
async def test_of_envoy_nothing_but_its_metrics_is_told(hub: Hub, socket_folder: Path) -> None:
    gateway = Gateway(
        listen=ANYWHERE, hubs=[hub.address], admin=f"unix:{socket_folder}/admin", metrics=ANYWHERE
    )
    envoy = await asyncio.to_thread(Envoy.start, render(gateway, dialects.load()))
    try:
        async with aiohttp.ClientSession() as session:
            await Rest(session, envoy.port).request("GET", "/desk/v1/tickets/1")
        address = f"127.0.0.1:{envoy.ports['metrics']}"

        found = await asyncio.to_thread(Page.of, address, "/stats/prometheus")
        others = [
            (await asyncio.to_thread(ask, address, path))[0]
            for path in ("/stats", "/config_dump", "/", "/logging")
        ]
        posted, _ = await asyncio.to_thread(ask, address, "/stats/prometheus", "POST")
    finally:
        await asyncio.to_thread(envoy.stop)

    assert found.sum("envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="public") > 0
    assert others == [404] * 4
    assert posted == 404
