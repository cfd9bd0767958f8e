"""The import against a server that answers as a hub may; `test_up.py` has a real one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from polydesk.cli.failure import Failure
from polydesk.cli.pusher import Pusher
from polydesk.cli.transfer import Bookmark, Transfer

MAP = """
[fields]
TicketNumber = "number"
sys_id = "number"
StatusCode = "state"
Summary = "number"
Description = "state"
[dates]
format = "%Y-%m-%d"
zone = "UTC"
[dates.fields]
CreationDate = "at"
LastModifiedDate = "at"
"""


class Scripted:
    """A server that answers each push as `judge` says, and keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[list[str]] = []
        self.keys: list[str] = []
        self.judge: Callable[[list[str]], web.Response | None] = lambda _: None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers["idempotency-key"])
        numbers = [ticket["TicketNumber"] for ticket in await request.json()]
        refusal = self.judge(numbers)
        if refusal is None:
            self.taken.append(numbers)
        return refusal or web.json_response({"Id": "1", "Status": "Success", "Message": "saved"})


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    app = web.Application()
    app.router.add_post("/v2/incident/orgentityid/1", scripted.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scripted.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await web.SockSite(runner, listener).start()
        yield scripted
        await runner.cleanup()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "map.toml").write_text(MAP)
    path = tmp_path / "log.csv"
    path.write_text("number,state,at\n" + "".join(f"I{n},New,2024-01-0{n}\n" for n in range(1, 6)))
    return path


@pytest.fixture
def undated(log: Path) -> Path:
    log.write_text(log.read_text().replace("2024-01-04", "yesterday"))
    return log


async def transfer(server: Scripted, log: Path, *, bookmark: Bookmark | None = None) -> Transfer:
    made = Transfer.prepare(log, log.with_name("map.toml"), batch=2)
    async with Pusher(server.url, org=1, user="ann", password="secret") as pusher:
        await made.run(pusher, bookmark=bookmark)
    return made


def refuse(status: int, **more: Any) -> web.Response:
    body = {"Id": None, "Status": "Fail", "Message": "that is wrong"}
    return web.json_response(body, status=status, **more)


async def test_rows_go_in_their_order_and_in_batches(server: Scripted, log: Path) -> None:
    done = await transfer(server, log)

    assert server.taken == [["I1", "I2"], ["I3", "I4"], ["I5"]]
    assert done.summary.startswith("5 rows of 5 tickets in ")


async def test_a_second_import_sends_the_same_keys(server: Scripted, log: Path) -> None:
    await transfer(server, log)
    await transfer(server, log)

    assert len(set(server.keys)) == 3
    assert server.keys[:3] == server.keys[3:]


@pytest.mark.parametrize("status", [429, 503, 504])
async def test_a_busy_hub_is_asked_again_with_the_same_key(
    server: Scripted, log: Path, status: int
) -> None:
    server.judge = lambda _: refuse(status) if len(server.keys) == 1 else None

    await transfer(server, log)

    assert server.keys[0] == server.keys[1]
    assert server.taken[0] == ["I1", "I2"]


async def test_a_hub_is_given_the_time_that_it_asks_for(server: Scripted, log: Path) -> None:
    loop = asyncio.get_running_loop()
    server.judge = lambda _: (
        refuse(429, headers={"retry-after": "2"}) if len(server.keys) == 1 else None
    )

    begin = loop.time()
    await transfer(server, log)

    assert loop.time() - begin >= 2


async def test_the_import_stops_at_the_refused_row_and_names_its_line(
    server: Scripted, log: Path
) -> None:
    server.judge = lambda numbers: refuse(400) if "I4" in numbers else None

    with pytest.raises(Failure, match=r"line 5 of .*log\.csv: that is wrong; the 3 rows") as failed:
        await transfer(server, log)

    assert server.taken == [["I1", "I2"], ["I3"]]
    assert "mend the line and import again" in failed.value.message


async def test_a_row_without_a_date_stops_the_import_after_the_rows_before_it(
    server: Scripted, undated: Path
) -> None:
    with pytest.raises(Failure, match=r"line 5 of .*: at is 'yesterday'"):
        await transfer(server, undated)

    assert server.taken == [["I1", "I2"], ["I3"]]


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_what_no_row_can_mend_ends_the_import_at_once(
    server: Scripted, log: Path, status: int
) -> None:
    server.judge = lambda _: refuse(status)

    with pytest.raises(Failure, match=f"refuses: HTTP {status}, that is wrong"):
        await transfer(server, log)

    assert len(server.keys) == 1


async def test_an_import_goes_on_behind_what_is_acknowledged(server: Scripted, log: Path) -> None:
    server.judge = lambda numbers: refuse(401) if "I3" in numbers else None
    with pytest.raises(Failure):
        await transfer(server, log, bookmark=Bookmark(log, "key"))
    server.judge = lambda _: None

    await transfer(server, log, bookmark=Bookmark(log, "key"))

    assert server.taken == [["I1", "I2"], ["I3", "I4"], ["I5"]]
    assert Bookmark(log, "key").line == 0


def test_a_bookmark_of_another_import_is_not_used(tmp_path: Path) -> None:
    Bookmark(tmp_path / "log.csv", "one").note(7)

    assert Bookmark(tmp_path / "log.csv", "one").line == 7
    assert Bookmark(tmp_path / "log.csv", "other").line == 0
