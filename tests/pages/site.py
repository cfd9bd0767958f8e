"""The hub that pages are tested with, as other programs use it."""

from __future__ import annotations

import http.client
import json
from itertools import count
from typing import Any

from tests.dialects.iautomate.guide import pushed
from tests.stack import DEMO

_PATIENCE = 30
_numbers = count(1)

GRAPH = [
    {"id": "look", "command": {"target": "here", "command": "echo looked"}},
    {"id": "count", "command": {"target": "here", "command": "echo counted"}},
    {"id": "ask", "needs": ["look", "count"], "approval": {"message": "clean it up?"}},
    {"id": "clean", "needs": ["ask"], "command": {"target": "here", "command": "echo cleaned"}},
    {
        "id": "tell",
        "needs": ["clean", "look"],
        "command": {"target": "here", "command": "echo told"},
    },
]


class Site:
    """A client of the hub, as the demo's user; each test has an org of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.base = f"http://127.0.0.1:{port}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Calls a route, and returns what it answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        headers = DEMO | {"Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status in {200, 201}, said
        return said

    def new_org(self, role: str = "ROLE_ADMIN") -> int:
        """Opens an org in which the demo's user has a role."""
        org = 4_000 + next(_numbers)
        opened = {"name": f"orgs/{org}", "displayName": f"Pages {org}"}
        self.call("POST", "/desk/v1/orgs", opened)
        caller = self.call("GET", "/desk/v1/caller")["name"]
        said = {"org": f"orgs/{org}", "role": role}
        self.call("POST", f"/desk/v1/{caller}:setRole", said)
        return org

    def push(self, org: int, number: str, **said: str) -> None:
        """Pushes an incident as the iAutomate guide has it, by V2."""
        usual = {"TicketNumber": number, "sys_id": number, "ModuleId": "1"}
        answer = self.call("POST", f"/v2/incident/orgentityid/{org}", [pushed(5, **(usual | said))])
        assert answer["Status"] == "Success"

    def ticket(self, org: int, number: str) -> str:
        """Returns the name of an incident: `tickets/42`."""
        found = self.call(
            "GET", f"/desk/v1/orgs/{org}/tickets:lookup?kind=KIND_INCIDENT&number={number}"
        )
        return str(found["name"])

    def start(self, org: int) -> str:
        """Starts a run of a graph that asks somebody on its way; returns its number."""
        target = {
            "name": f"orgs/{org}/targets/here",
            "kind": "KIND_LOCAL",
            "allowedCommands": ["echo *"],
        }
        self.call("POST", f"/desk/v1/orgs/{org}/targets", target)
        book = {"displayName": "free the disk", "nodes": GRAPH}
        saved = self.call("POST", f"/desk/v1/orgs/{org}/runbooks", book)
        order = {"runbook": int(saved["name"].rpartition("/")[2])}
        run = self.call("POST", f"/desk/v1/orgs/{org}/runs", order)
        return str(run["name"].rpartition("/")[2])
