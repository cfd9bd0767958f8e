"""`polydesk script`, `target`, `runbook` and `run`, on a running site."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import POLYDESK, Command, Done, Site, wait_until

pytestmark = pytest.mark.envoy
Told = Callable[..., Done]

BOOK = """
name: greet
description: Says hello twice, with somebody's leave.
parameters:
  - {name: who, required: true}
  - {name: times, type: number, default_value: "2"}
nodes:
  - id: hello
    command: {target: here, command: "echo hello {who}", timeout: 60}
  - id: ask
    needs: [hello]
    approval: {message: "again?"}
  - id: again
    needs: [ask]
    command: {target: here, command: "echo hello again {who}"}
"""


@pytest.fixture
def told(site: Site, command: Command, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Runs a command against the site, as the demo user."""
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")

    def run(*words: str) -> Done:
        return command(*words, "--url", site.url, "--user", "demo@example.com")

    assert run("target", "add", "5", "here", "--allow", "echo *", "--allow", "sleep *").status == 0
    return run


def state_of(told: Told, name: str) -> str:
    return str(json.loads(told("run", "show", name, "--json").out)["state"])


def test_a_command_is_run_and_watched(told: Told) -> None:
    done = told("run", "start", "5", "--target", "here", "--command", "echo 'a b'", "--watch")

    assert (done.status, done.out) == (0, "a b\n")
    assert "succeeded" in done.err


def test_what_is_not_allowed_is_told_in_one_line(told: Told) -> None:
    done = told("run", "start", "5", "--target", "here", "--command", "rm -rf /")

    assert done.status == 1
    assert done.err == "polydesk: target here allows no such command: rm -rf /\n"


def test_a_script_is_registered_run_and_removed(told: Told, tmp_path: Path) -> None:
    source = tmp_path / "sum.py"
    source.write_text("import json, sys\nprint(json.dumps(sum(json.load(sys.stdin)['numbers'])))")
    inputs = tmp_path / "inputs.json"
    inputs.write_text('{"numbers": [1, 2, 3]}')

    number = told("script", "add", "5", str(source)).out.strip().rpartition("/")[2]
    done = told("run", "start", "5", "--script", number, "--inputs", str(inputs), "--watch")
    listed = told("script", "list", "5")

    assert (done.status, done.out) == (0, "6\n")
    assert "sum.py" in listed.out
    assert told("script", "remove", "5", number).status == 0
    assert "no script" in told("run", "start", "5", "--script", number).err


def test_a_runbook_goes_from_file_to_end(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "greet.yaml"
    file.write_text(BOOK)
    saved = told("runbook", "save", "5", str(file))
    assert saved.status == 0, saved.err
    number = saved.out.strip().rpartition("/")[2]
    order = ["run", "start", "5", "--runbook", number, "--parameter", "who=you two"]

    dry = told(*order, "--dry-run")
    started = told(*order)
    assert started.status == 0, started.err
    name = started.out.strip()
    wait_until(lambda: state_of(told, name) == "STATE_PENDING_APPROVAL")
    approved = told("run", "approve", name, "--message", "go on")
    watched = told("run", "watch", name)

    assert "echo hello you two" in dry.out
    assert "an approval" in dry.out
    assert "approved" in approved.out
    assert watched.out == "hello you two\nhello again you two\n"
    assert watched.status == 0
    assert "└─ ask  " in watched.err
    assert "└─ again  succeeded" in watched.err
    assert "version" in told("runbook", "show", "5", number).out
    assert name in told("run", "list", "5", "--state", "succeeded").out


def test_a_rule_has_a_new_ticket_start_a_run(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "greet.yaml"
    file.write_text(BOOK)
    number = told("runbook", "save", "5", str(file)).out.strip().rpartition("/")[2]
    rule = ["rule", "add", "5", "greeter", "--when", 'summary : "greet"', "--runbook", number]
    saved = told(*rule, "--parameter", "who={requester}", "--ask", "shall we?")
    made = told("incident", "create", "5", "--summary", "greet us", "--requester", "ann", "--json")
    ticket = json.loads(made.out)["name"].rpartition("/")[2]
    listed = told("rule", "list", "5")

    def waiting() -> bool:
        runs = told("run", "list", "5", "--ticket", ticket, "--json").out
        return "STATE_PENDING_APPROVAL" in runs and "rule.approval" in runs

    wait_until(waiting)
    assert saved.out == "orgs/5/rules/1\n"
    assert "shall we?" in listed.out
    assert "who={requester}" in told("rule", "show", "5", "1").out
    assert told("rule", "remove", "5", "1").status == 0
    assert "no rule is registered" in told("rule", "list", "5").out + told("rule", "list", "5").err


def test_a_run_is_cancelled_and_the_rest_is_rerun(told: Told) -> None:
    name = told("run", "start", "5", "--target", "here", "--command", "sleep 300").out.strip()
    wait_until(lambda: state_of(told, name) == "STATE_RUNNING")

    asked = told("run", "cancel", name)
    watched = told("run", "watch", name)
    again = told("run", "rerun", name).out.strip()

    assert "cancelling" in asked.out
    assert watched.status == 1
    assert state_of(told, name) == "STATE_CANCELLED"
    assert again != name
    told("run", "cancel", again)


def test_whoever_watches_hears_each_line_once_while_hub_and_worker_die(
    told: Told, site: Site, tmp_path: Path
) -> None:
    source = tmp_path / "count.py"
    source.write_text(
        "import sys, time\nfor i in range(80):\n print(i, file=sys.stderr, flush=True)\n"
        " time.sleep(0.1)\nprint('{}')\n"
    )
    number = told("script", "add", "5", str(source)).out.strip().rpartition("/")[2]
    name = told("run", "start", "5", "--script", number).out.strip()
    heard = tmp_path / "heard"
    with heard.open("wb") as out:
        watching = subprocess.Popen(
            [*POLYDESK, "run", "watch", name, "--json", "--url", site.url,
             "--user", "demo@example.com"],
            stdout=out, env={**os.environ, "POLYDESK_PASSWORD": "demo"},
        )  # fmt: skip
    for program in ("hub", "worker"):
        wait_until(lambda: heard.read_bytes().count(b'"lines"') > 3)
        os.kill(site.children()[program], signal.SIGKILL)
        time.sleep(1)

    assert watching.wait(90) == 0
    answers = [json.loads(line) for line in heard.read_text().splitlines()]
    lines = [line for answer in answers for line in answer.get("output", {}).get("lines", [])]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    said = [line["text"] for line in lines if line["stream"] == "STREAM_STDERR"]
    assert said == [str(number) for number in range(80)]
    assert answers[-1]["run"]["nodes"][0]["attempts"][0]["number"] == 1
    assert len(answers[-1]["run"]["nodes"][0]["attempts"]) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- a\n- b", "holds no names"),
        ("a: [", "is no YAML"),
        ("name: x\nnodez: []", "nodez"),
        ("name: x\nnodes: [{id: a, wait: {duration: x}}]", "is no runbook"),
        ("name: x\nnodes: [{id: a}]", "does nothing"),
    ],
)
def test_a_file_that_is_no_runbook_is_told(
    told: Told, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "book.yaml"
    file.write_text(text)

    done = told("runbook", "save", "5", str(file))

    assert done.status == 1
    assert complaint in done.err
    assert done.err.count("\n") == 1
