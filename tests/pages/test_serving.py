"""How the files of the pages are served: with what policy, in what types, or not at all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from polydesk import dialects
from polydesk.config import Settings
from polydesk.gateway import Gateway, render
from polydesk.server import Hub
from tests.gateway.envoy import Envoy
from tests.stack import Rest

if TYPE_CHECKING:
    from tests.stack import Answer

pytestmark = pytest.mark.envoy


@pytest.fixture
async def without_pages(seeded: Path, tmp_path: Path) -> AsyncIterator[Rest]:
    """A REST client of a hub whose operator wants no pages."""
    shutil.copytree(seeded.parent, tmp_path, dirs_exist_ok=True)
    hub = await Hub.start(Settings(data=tmp_path, pages=False))
    gateway = Gateway(listen="127.0.0.1:0", hubs=[hub.address])
    envoy = await asyncio.to_thread(Envoy.start, render(gateway, dialects.load()))
    async with aiohttp.ClientSession() as session:
        yield Rest(session, envoy.port)
    await asyncio.to_thread(envoy.stop)
    await hub.stop()


async def anybody(rest: Rest, path: str) -> Answer:
    return await rest.request("GET", path, headers={"Authorization": ""})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/console", "text/html; charset=utf-8"),
        ("/console/", "text/html; charset=utf-8"),
        ("/console/console.js", "text/javascript; charset=utf-8"),
        ("/console/console.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
        ("/swagger", "text/html; charset=utf-8"),
        ("/swagger/ui/index", "text/html; charset=utf-8"),
        ("/openapi/polydesk.json", "application/json"),
    ],
)
async def test_a_page_comes_to_anybody_with_a_policy_that_runs_its_own_files_alone(
    rest: Rest, path: str, kind: str
) -> None:
    answer = await anybody(rest, path)

    policy = answer.headers["content-security-policy"]
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("'unsafe-inline'" in policy) == path.startswith("/swagger")


@pytest.mark.parametrize("path", ["/console/none.js", "/console/..%2Fswagger%2Findex.html"])
async def test_there_is_nothing_but_the_pages(rest: Rest, path: str) -> None:
    answer = await anybody(rest, path)

    assert answer.status == 404


@pytest.mark.parametrize("path", ["/console", "/console/console.js", "/swagger", "/openapi/a.json"])
async def test_an_operator_may_switch_the_pages_off(without_pages: Rest, path: str) -> None:
    answer = await anybody(without_pages, path)

    assert answer.status == 404
    assert "POLYDESK_PAGES" in answer.json()["message"]
