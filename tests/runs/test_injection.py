"""Command injection: what a corpus of payloads does, on this machine and over SSH, by an exec log.

The witness is a program that appends its arguments to the log. It is the one program that targets
allow, so the log holds all that was executed of what came in.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from polydesk.composition import SystemClock
from polydesk.domain.driving import Drivers
from polydesk.domain.errors import PolydeskError
from polydesk.domain.run import Run, RunState
from polydesk.domain.runbook import Parameter, RunCommand
from polydesk.domain.script import Language
from polydesk.domain.target import Target, TargetKind, written
from polydesk.runs.local import LocalLauncher
from polydesk.runs.ssh import SshLauncher
from polydesk.store import open_store
from tests.domain.test_target import PAYLOADS
from tests.runs.machine import Machine
from tests.runs.test_driving import ANN, Desk, command
from tests.store.records import ORG

_PER_COMMAND = 40
_WITNESS = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
"""
# Only what can be a line is ever an operator's pattern.
ALLOWABLE = [payload for payload in PAYLOADS if payload.isprintable()]


class Scene(Desk):
    """A desk whose targets are this machine and one behind SSH, with a witness on both."""

    def __init__(self, *said: Any, machine: Machine) -> None:
        super().__init__(*said)
        self.machine = machine
        self.witness = str(self.folder.parent / "witness")
        self._log = self.folder.parent / "exec.log"
        Path(self.witness).write_text(_WITNESS.format(python=sys.executable, log=str(self._log)))
        Path(self.witness).chmod(0o700)
        self.ssh = SshLauncher()

    def drivers(self, *, worker: str = "w", machine: str = "here") -> Drivers:
        async def secret_of(_org: int, _name: str) -> str:
            return self.machine.secret

        return Drivers(
            store=self.store,
            clock=SystemClock(),
            launchers={
                TargetKind.LOCAL: LocalLauncher(self.folder, machine=machine),
                TargetKind.SSH: self.ssh,
            },
            secret_of=secret_of,
            worker=worker,
            local=True,
        )

    async def allow(self, *patterns: str) -> None:
        """Allows commands on both targets."""
        await self.target(*patterns)
        await self.targets.save(ANN, ORG, self.machine.target(patterns=patterns))

    def executed(self) -> list[list[str]]:
        """Returns the arguments of all executions."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [json.loads(line) for line in lines]

    async def end(self, **said: Any) -> Run | None:
        """Starts an order and drives it; None where it was refused."""
        try:
            run = await self.start(**said)
        except PolydeskError:
            return None
        return await self.driven(run)


@pytest.fixture
async def scene(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    machine, store = Machine(tmp_path), await open_store(sqlite_url)
    await machine.start()
    made = Scene(store, tmp_path / "runs", machine=machine)
    yield made
    await made.ssh.close()
    await machine.stop()
    await store.close()


def groups() -> Iterator[tuple[str, ...]]:
    for start in range(0, len(ALLOWABLE), _PER_COMMAND):
        yield tuple(ALLOWABLE[start : start + _PER_COMMAND])


@pytest.mark.parametrize("target", ["here", "far"])
async def test_no_wildcard_lets_a_payload_be_executed_wherever_it_stands(
    scene: Scene, target: str
) -> None:
    assert len(PAYLOADS) >= 200
    await scene.allow(f"{scene.witness} *", "witness-*")
    book = await scene.runbook(
        command(f"{scene.witness} {{word}}"), parameters=(Parameter(name="word"),)
    )
    inside = await scene.runbook(
        command(f"{scene.witness} a{{word}}b"), parameters=(Parameter(name="word"),)
    )

    async def all_of(payload: str) -> list[Run | None]:
        return [
            await scene.end(
                command=RunCommand(target=target, command=f"{scene.witness} {written([payload])}")
            ),
            await scene.end(command=RunCommand(target=target, command=payload)),
            await scene.end(command=RunCommand(target=payload, command=f"{scene.witness} x")),
            await scene.end(runbook=book, parameters={"word": payload}),
            await scene.end(runbook=inside, parameters={"word": payload}),
        ]

    ends = [await all_of(payload) for payload in PAYLOADS]

    assert not any(run for each in ends for run in each), "a payload has become a run"
    assert scene.executed() == []
    assert scene.machine.commands == []


@pytest.mark.parametrize("target", ["here", "far"])
async def test_what_an_operator_allows_to_the_letter_is_executed_to_the_letter(
    scene: Scene, target: str
) -> None:
    assert len(ALLOWABLE) >= 200

    for group in groups():
        text = written([scene.witness, *group])
        await scene.allow(text)
        run = await scene.end(command=RunCommand(target=target, command=text))
        assert run is not None
        assert run.state is RunState.SUCCEEDED, run.message

    assert scene.executed() == [list(group) for group in groups()]


async def test_a_script_is_told_payloads_and_executes_none(scene: Scene) -> None:
    await scene.allow(f"{scene.witness} *")
    echo = await scene.script("import json, sys\nprint(json.dumps(json.load(sys.stdin)))")
    shell = await scene.script("cat", Language.SH)
    told = {f"word {place}": payload for place, payload in enumerate(PAYLOADS)} | {
        payload: place for place, payload in enumerate(PAYLOADS)
    }

    runs = [await scene.end(script=number, inputs=json.dumps(told)) for number in (echo, shell)]

    assert [json.loads(run.nodes[0].result) for run in runs if run] == [told, told]
    assert scene.executed() == []


@pytest.mark.parametrize("field", ["host", "user"])
def test_no_payload_is_the_address_of_a_target(field: str) -> None:
    usual: dict[str, Any] = {"host": "h", "user": "u", "known_hosts": "h k", "key": "k"}

    for payload in PAYLOADS:
        with pytest.raises(PolydeskError):
            Target(name="t", kind=TargetKind.SSH, patterns=(), **usual | {field: payload})
