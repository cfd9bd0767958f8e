"""Commands on another machine by SSH: against a real server, whose shell is a real one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from polydesk.domain.job import Exit, Job
from polydesk.domain.run import Outcome
from polydesk.domain.target import Target
from polydesk.runs.ssh import MOST_SESSIONS, SshLauncher
from tests.runs.machine import Machine, public
from tests.runs.test_local import Kept


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    running = Machine(tmp_path)
    await running.start()
    yield running
    await running.stop()


def job(machine: Machine, *argv: str, target: Target | None = None, **said: Any) -> Job:
    usual: dict[str, Any] = {
        "org": 1,
        "run": 1,
        "node": "main",
        "attempt": 1,
        "argv": argv,
        "seconds": 30,
        "fresh": True,
        "mark": "m",
        "target": target or machine.target(),
        "key": machine.secret,
        "stop": asyncio.Event(),
    }
    return Job(**(usual | said))


async def launched(wanted: Job, launcher: SshLauncher | None = None) -> tuple[Exit, Kept]:
    kept, own = Kept(), launcher or SshLauncher()
    try:
        async with asyncio.timeout(60):
            return await own.launch(wanted, output=kept), kept
    finally:
        if launcher is None:
            await own.close()


async def test_a_command_runs_there_and_tells_what_it_prints(machine: Machine) -> None:
    wanted = job(machine, "sh", "-c", "echo out; echo err >&2; exit 3")

    ended, kept = await launched(wanted)

    assert (ended.outcome, ended.code) == (Outcome.FAILED, 3)
    assert (kept.out, kept.err) == ("out\n", "err\n")


async def test_words_stay_words_whatever_they_hold(machine: Machine) -> None:
    words = ["a b", "'", '"', "$HOME", "`id`", "$(id)", ";", "&& id", "*", "~", "\\", "é", "", "-n"]

    ended, kept = await launched(job(machine, "printf", "[%s]\n", *words))

    assert ended.outcome is Outcome.SUCCEEDED
    assert kept.out == "".join(f"[{word}]\n" for word in words)


async def test_much_output_comes_whole(machine: Machine) -> None:
    script = "i=0; while [ $i -lt 60000 ]; do echo line $i; i=$((i+1)); done; printf end"

    ended, kept = await launched(job(machine, "sh", "-c", script))

    assert ended.outcome is Outcome.SUCCEEDED
    assert kept.out == "".join(f"line {number}\n" for number in range(60_000)) + "end"


async def test_a_command_sees_nothing_of_the_hub(machine: Machine) -> None:
    _, kept = await launched(job(machine, "env"))

    names = {line.partition("=")[0] for line in kept.out.splitlines()}
    assert names <= {"PATH", "LANG", "HOME", "PWD", "SHLVL", "_", "OLDPWD"}


async def test_a_host_with_another_key_is_not_trusted(machine: Machine) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    target = machine.target(known_hosts=f"[127.0.0.1]:{machine.port} {public(other)}")

    ended, _ = await launched(job(machine, "touch", "x", target=target))

    assert ended.outcome is Outcome.FAILED
    assert "cannot be reached" in ended.message
    assert machine.commands == []


async def test_a_key_that_the_host_does_not_know_is_told(machine: Machine) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()

    for key in (other, "no key at all"):
        ended, _ = await launched(job(machine, "true", key=key))
        assert ended.outcome is Outcome.FAILED
        assert other not in ended.message


async def test_a_host_that_is_not_there_is_told(machine: Machine) -> None:
    await machine.stop()

    ended, _ = await launched(job(machine, "true"))

    assert ended.outcome is Outcome.FAILED
    assert "cannot be reached" in ended.message


async def test_what_takes_too_long_is_ended_there(machine: Machine, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 300 & echo $! >{pids}; wait"

    ended, _ = await launched(job(machine, "sh", "-c", script, seconds=1))

    assert ended.outcome is Outcome.TIMED_OUT
    assert await _ends(pids)


async def test_cancelling_ends_what_runs_there(machine: Machine, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    wanted = job(machine, "sh", "-c", f"sleep 300 & echo $! $$ >{pids}; wait")
    task = asyncio.create_task(launched(wanted))
    await _there(pids)

    wanted.stop.set()
    ended, _ = await task

    assert ended.outcome is Outcome.CANCELLED
    assert await _ends(pids)


async def test_another_worker_goes_on_with_what_runs_there(
    machine: Machine, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    wanted = job(machine, "sh", "-c", f"echo x >>{ledger}; sleep 2; echo done")
    first = asyncio.create_task(launched(wanted))
    await _there(ledger)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    again = job(machine, *wanted.argv, fresh=False)
    (ended, kept), (late, _) = await launched(again), await launched(again)

    assert (ended.outcome, kept.out, late.outcome) == (
        Outcome.SUCCEEDED, "done\n", Outcome.SUCCEEDED,
    )  # fmt: skip
    assert ledger.read_text() == "x\n"


async def test_a_connection_that_breaks_loses_and_repeats_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    script = f"echo x >>{ledger}; for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done"
    wanted = job(machine, "sh", "-c", script)
    task = asyncio.create_task(launched(wanted))
    await _there(ledger)

    for _ in range(2):
        await machine.stop()
        await asyncio.sleep(0.3)
        await machine.start()
        await asyncio.sleep(0.7)
    ended, kept = await task

    assert ended.outcome is Outcome.SUCCEEDED
    assert kept.out == "1\n2\n3\n4\n5\n6\n"
    assert ledger.read_text() == "x\n"


async def test_many_commands_share_a_connection_within_its_sessions(machine: Machine) -> None:
    launcher = SshLauncher()
    jobs = [job(machine, "sh", "-c", f"sleep 0.3; echo {n}", node=f"n{n}") for n in range(24)]

    done = await asyncio.gather(*(launched(each, launcher) for each in jobs))

    assert [kept.out for _, kept in done] == [f"{n}\n" for n in range(24)]
    assert machine.most_open <= MOST_SESSIONS
    assert len(machine.connections) == 1
    await launcher.close()


async def test_what_is_left_of_a_job_is_removed_there(machine: Machine, tmp_path: Path) -> None:
    launcher, wanted = SshLauncher(), job(machine, "true")
    await launched(wanted, launcher)

    await launcher.clear(wanted)

    assert list((tmp_path / ".polydesk").iterdir()) == []


async def test_what_policy_refuses_does_not_reach_the_target(machine: Machine) -> None:
    ended, _ = await launched(job(machine, "true", refusal="not allowed"))

    assert (ended.outcome, ended.message) == (Outcome.FAILED, "not allowed")
    assert machine.commands == []


async def _there(path: Path) -> None:
    end = time.monotonic() + 30
    while not (path.exists() and path.read_text().strip()):  # noqa: ASYNC240 - a test
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def _ends(pids: Path) -> bool:
    """Waits until none of some processes lives."""
    end = time.monotonic() + 15
    left = pids.read_text().split()  # noqa: ASYNC240 - a test
    while left and time.monotonic() < end:
        left = [pid for pid in left if _lives(pid)]
        await asyncio.sleep(0.05)
    return not left


def _lives(pid: str) -> bool:
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return False
