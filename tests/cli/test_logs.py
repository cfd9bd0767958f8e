"""The logs of a site: a request is found again by its id wherever it went; no secret is in them."""

from __future__ import annotations

import base64
import http.client
import io
import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from polydesk.domain.keyring import new_line

from .conftest import AS_DEMO, Command, Site, wait_until

pytestmark = pytest.mark.envoy

PLANTED = "hush-7d1f-never-to-be-seen"
BOOK = """
name: tell
parameters: [{{name: pin, type: secret, required: true}}]
nodes:
  - id: tell
    script: {{script: {script}}}
"""


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site that tells all it can, on either engine; the database's password is planted, too."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POLYDESK_LOG_LEVEL", "debug")
        if request.param == "postgres":
            server = request.getfixturevalue("postgres")
            url = server.database("logs", template="migrated")
            environment.setenv(
                "POLYDESK_DATABASE_URL", url.replace("postgres@", f"postgres:{PLANTED}@")
            )
            environment.setenv("POLYDESK_SECRET_KEYS", new_line())
        running = Site(tmp_path_factory.mktemp("site") / "data")
    try:
        yield running.started()
    finally:
        running.end()


def lines(site: Site) -> list[dict[str, Any]]:
    """What the processes have told."""
    return [json.loads(line) for line in site.log.read_text().splitlines() if line.startswith("{")]


def access(site: Site) -> list[dict[str, Any]]:
    """What Envoy has told of calls."""
    text = (site.data / "logs" / "access.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


def send(
    site: Site, method: str, path: str, body: str | bytes | None = None, **headers: str
) -> tuple[int, dict[str, str]]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"authorization": "Basic ZGVtb0BleGFtcGxlLmNvbTpkZW1v"} | sent
    with closing(http.client.HTTPConnection(site.listen, timeout=30)) as connection:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_a_run_is_followed_by_the_id_of_its_request_from_envoy_to_the_worker(
    site: Site, desk: Command
) -> None:
    desk("target", "add", "5", "here", "--allow", "echo *")
    order = json.dumps({"command": {"target": "here", "command": "echo hello"}})

    status, headers = send(
        site, "POST", "/desk/v1/orgs/5/runs", order, content_type="application/json"
    )
    named, _ = send(
        site, "POST", "/desk/v1/orgs/5/runs", order, content_type="application/json",
        x_transaction_id="my-own-id",
    )  # fmt: skip

    assert (status, named) == (200, 200)
    for id_ in (headers["x-request-id"], "my-own-id"):
        wait_until(partial(goes, site, id_))
        [ended] = of(lines(site), id_, "a run has ended or waits")
        [call] = of(lines(site), id_, "call")
        assert ended["state"] == "SUCCEEDED"
        assert (call["rpc"], call["code"]) == ("RunService/StartRun", "OK")
        [through] = called(site, id_)
        assert through["path"] == "/desk/v1/orgs/5/runs"


def of(found: list[dict[str, Any]], id_: str, event: str) -> list[dict[str, Any]]:
    return [line for line in found if line.get("request_id") == id_ and line["event"] == event]


def goes(site: Site, id_: str) -> bool:
    return bool(of(lines(site), id_, "a run has ended or waits") and called(site, id_))


def called(site: Site, id_: str) -> list[dict[str, Any]]:
    return [line for line in access(site) if id_ in (line["request_id"], line["transaction_id"])]


def test_a_call_that_fails_is_one_line_with_its_reason(site: Site) -> None:
    status, headers = send(site, "GET", "/desk/v1/tickets/987654")

    assert status == 404
    wait_until(lambda: len(of(lines(site), headers["x-request-id"], "call failed")) == 1)
    [line] = of(lines(site), headers["x-request-id"], "call failed")
    assert line["level"] == "warning"
    assert (line["rpc"], line["code"]) == ("TicketService/GetTicket", "NOT_FOUND")
    assert (line["reason"], line["dialect"]) == ("NOT_FOUND", "desk")
    assert line["ms"] > 0


def test_no_secret_is_in_any_log(
    site: Site, desk: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep_secrets(desk, monkeypatch, tmp_path)
    tokens = [sign_in(site), *attempts(site)]

    wait_until(lambda: "planted-last" in (site.data / "logs" / "access.log").read_text())
    told = site.log.read_text() + (site.data / "logs" / "access.log").read_text()

    assert told.count('"call failed"') >= 5
    for secret in (PLANTED, base64.b64encode(PLANTED.encode()).decode().rstrip("="), *tokens):
        assert secret not in told


def keep_secrets(desk: Command, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Keeps a secret, and has a script that fails over it told its value."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PLANTED.encode())))
    assert desk("secret", "set", "5", "pin").status == 0
    source = folder / "tell.py"
    source.write_text("import json, sys\nraise SystemExit(json.load(sys.stdin)['pin'])")
    script = desk("script", "add", "5", str(source)).out.strip().rpartition("/")[2]
    book = folder / "tell.yaml"
    book.write_text(BOOK.format(script=script))
    saved = desk("runbook", "save", "5", str(book))
    assert saved.status == 0, saved.err
    number = saved.out.strip().rpartition("/")[2]
    done = desk("run", "start", "5", "--runbook", number, "--parameter", "pin=pin", "--watch")
    assert "***" in done.out + done.err, done
    assert desk("secret", "reveal", "5", "pin").out.strip() == PLANTED


def sign_in(site: Site) -> str:
    """Makes a user with a planted password, and gets a token for it."""
    body = {
        "account": {"kind": "KIND_USER", "login": "ann@example.com"},
        "secret": PLANTED,
    }
    status, _ = send(
        site, "POST", "/desk/v1/accounts", json.dumps(body), content_type="application/json"
    )
    assert status == 200
    basic = base64.b64encode(f"ann@example.com:{PLANTED}".encode()).decode()
    assert send(site, "GET", "/desk/v1/caller", authorization=f"Basic {basic}")[0] == 200
    form = urlencode({"grant_type": "password", "username": "demo@example.com", "password": "demo"})
    with closing(http.client.HTTPConnection(site.listen, timeout=30)) as connection:
        connection.request(
            "POST", "/token", form, {"content-type": "application/x-www-form-urlencoded"}
        )
        token: str = json.loads(connection.getresponse().read())["access_token"]
    assert send(site, "GET", "/desk/v1/caller", authorization=f"Bearer {token}")[0] == 200
    return token


def attempts(site: Site) -> list[str]:
    """Fails in many ways, each with what is planted; returns what else must not be seen."""
    wrong = base64.b64encode(f"demo@example.com:{PLANTED}".encode()).decode()
    form = urlencode({"grant_type": "password", "username": PLANTED, "password": PLANTED})
    refused = [
        send(site, "GET", "/desk/v1/caller", authorization=f"Basic {wrong}"),
        send(site, "GET", "/desk/v1/caller", authorization=f"Bearer {PLANTED}"),
        send(site, "GET", "/desk/v1/caller", authorization=f"Apikey {PLANTED}"),
        send(site, "GET", "/desk/v1/caller", authorization=PLANTED),
        send(site, "POST", "/token", form, content_type="application/x-www-form-urlencoded"),
        send(site, "GET", f"/desk/v1/tickets/x?access_token={PLANTED}"),
        send(site, "POST", "/desk/v1/orgs/5/incidents", f'{{"summary": "{PLANTED}"'),
        send(
            site, "POST", "/desk/v1/orgs/5/incidents", f'{{"priority": "{PLANTED}"}}',
            content_type="application/json",
        ),
        send(site, "GET", f"/desk/v1/orgs/5/tickets?filter={PLANTED}%20%3D%3D"),
        send(site, "GET", "/desk/v1/planted-last"),
    ]  # fmt: skip
    assert all(status >= 400 for status, _ in refused), refused
    return [wrong]


def test_envoys_lines_and_ours_are_all_json(site: Site) -> None:
    send(site, "GET", "/desk/v1/caller")

    assert access(site)
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines(site))
    assert AS_DEMO[1] not in json.dumps(access(site))
