"""Launching on this machine: once, within limits, and found again whatever dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from polydesk.domain.job import Exit, Job
from polydesk.domain.output import Stream
from polydesk.domain.run import Outcome
from polydesk.runs.local import Folder, LocalLauncher
from tests.cli.conftest import wait_until


class Kept:
    """Keeps output in memory, as the port says."""

    def __init__(self) -> None:
        self.data = dict.fromkeys(Stream, b"")

    async def offset(self, stream: Stream) -> int:
        return len(self.data[stream])

    async def take(self, stream: Stream, data: bytes, *, final: bool) -> int:
        del final
        self.data[stream] += data
        return len(self.data[stream])

    @property
    def out(self) -> str:
        return self.data[Stream.STDOUT].decode()

    @property
    def err(self) -> str:
        return self.data[Stream.STDERR].decode()


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    return LocalLauncher(tmp_path, machine="here")


def job(*argv: str, **said: Any) -> Job:
    usual: dict[str, Any] = {
        "org": 1,
        "run": 1,
        "node": "main",
        "attempt": 1,
        "argv": argv,
        "seconds": 30,
        "fresh": True,
        "stop": asyncio.Event(),
    }
    return Job(**(usual | said))


def python(source: str, **said: Any) -> Job:
    return job(sys.executable, "-I", source=source, suffix=".py", **said)


async def launched(launcher: LocalLauncher, wanted: Job) -> tuple[Exit, Kept]:
    kept = Kept()
    async with asyncio.timeout(60):
        return await launcher.launch(wanted, output=kept), kept


async def test_a_command_runs_and_tells_what_it_prints(launcher: LocalLauncher) -> None:
    ended, kept = await launched(launcher, job("sh", "-c", "echo out; echo err >&2; exit 3"))

    assert (ended.outcome, ended.code) == (Outcome.FAILED, 3)
    assert (kept.out, kept.err) == ("out\n", "err\n")
    assert ended.stdout == b"out\n"


async def test_a_script_is_told_its_inputs_and_nothing_else(launcher: LocalLauncher) -> None:
    source = (
        "import json, os, sys\n"
        "print(json.dumps([json.load(sys.stdin), sorted(os.environ), os.listdir('.'),"
        " os.environ['HOME'] == os.getcwd(), sys.argv[1:], os.getsid(0) == os.getpid()]))"
    )

    ended, _ = await launched(launcher, python(source, stdin=b'{"a": [1, "x"]}'))

    assert ended.outcome is Outcome.SUCCEEDED
    said, environment, files, at_home, arguments, own_session = json.loads(ended.stdout)
    assert said == {"a": [1, "x"]}
    assert set(environment) <= {"PATH", "LANG", "HOME", "LC_CTYPE"}
    assert (files, at_home, arguments, own_session) == ([], True, [], True)


async def test_no_inputs_and_no_source_stand_in_the_process_list(launcher: LocalLauncher) -> None:
    source = "import time\ntime.sleep(20)  # SOURCE-WORD\n"
    wanted = python(source, stdin=b'{"secret": "INPUT-WORD"}')
    task = asyncio.create_task(launched(launcher, wanted))

    await _started(launcher, wanted)
    lines = b"".join(_command_lines())
    files = _files(launcher)
    wanted.stop.set()
    ended, _ = await task

    assert ended.outcome is Outcome.CANCELLED
    assert b"WORD" not in lines
    assert b"INPUT-WORD" not in files


async def test_a_program_that_is_not_there_is_told(launcher: LocalLauncher) -> None:
    ended, _ = await launched(launcher, job("no-such-program"))

    assert (ended.outcome, ended.code) == (Outcome.FAILED, 127)
    assert "No such file" in ended.message


async def test_an_interpreter_that_is_not_there_is_told(launcher: LocalLauncher) -> None:
    ended, _ = await launched(launcher, job("no-such-shell", source="x", suffix=".ps1"))

    assert ended.outcome is Outcome.FAILED
    assert "no-such-shell is not installed" in ended.message


async def test_who_takes_too_long_is_ended_with_all_it_has_started(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    source = (
        f"trap '' TERM; sleep 300 & echo $! >> {pids};"
        f" setsid sh -c 'echo $$ >> {pids}; sleep 300' & wait"
    )

    ended, _ = await launched(launcher, job("sh", "-c", source, seconds=1))

    assert ended.outcome is Outcome.TIMED_OUT
    wait_until(lambda: not any(map(_lives, map(int, pids.read_text().split()))), seconds=10)


async def test_a_job_that_is_to_stop_before_it_begins_never_does(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    wanted = job("touch", str(tmp_path / "ran"))
    wanted.stop.set()

    ended, _ = await launched(launcher, wanted)

    assert ended.outcome is Outcome.CANCELLED
    assert not (tmp_path / "ran").exists()


async def test_what_policy_refuses_is_not_launched(launcher: LocalLauncher, tmp_path: Path) -> None:
    ended, _ = await launched(launcher, job("touch", str(tmp_path / "ran"), refusal="not here"))

    assert (ended.outcome, ended.message) == (Outcome.FAILED, "not here")
    assert not (tmp_path / "ran").exists()


async def test_memory_files_and_sizes_have_limits(launcher: LocalLauncher) -> None:
    source = (
        "import resource as r, json\n"
        "print(json.dumps([r.getrlimit(getattr(r, 'RLIMIT_' + n))[0]"
        " for n in ('AS', 'NOFILE', 'FSIZE', 'CORE', 'CPU', 'NPROC')]))"
    )

    ended, _ = await launched(launcher, python(source))

    memory, files, size, core, seconds, processes = json.loads(ended.stdout)
    assert (files, core, seconds) == (256, 0, 31)
    assert 0 < size <= 64 * 1024**2
    assert 0 < memory <= 2 * 1024**3
    assert 0 < processes <= 1_024


async def test_a_second_launcher_goes_on_with_what_the_first_has_launched(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    wanted = job("sh", "-c", f"echo x >> {ledger}; sleep 1; echo done")
    first = asyncio.create_task(launcher.launch(wanted, output=Kept()))
    await _started(launcher, wanted)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first

    ended, kept = await launched(LocalLauncher(tmp_path, machine="here"), wanted)

    assert (ended.outcome, kept.out) == (Outcome.SUCCEEDED, "done\n")
    assert ledger.read_text() == "x\n"


async def test_many_who_look_at_once_launch_once(launcher: LocalLauncher, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    wanted = job("sh", "-c", f"echo x >> {ledger}; sleep 0.5")

    ends = await asyncio.gather(*(launched(launcher, wanted) for _ in range(8)))

    assert {ended.outcome for ended, _ in ends} == {Outcome.SUCCEEDED}
    assert ledger.read_text() == "x\n"


async def test_how_it_ended_is_found_after_it_has(launcher: LocalLauncher) -> None:
    wanted = job("sh", "-c", "echo once; exit 7")
    await launched(launcher, wanted)

    ended, kept = await launched(launcher, wanted)

    assert (ended.code, kept.out) == (7, "once\n")


@pytest.mark.parametrize("survives", [True, False])
async def test_nobody_can_tell_how_it_ended_when_its_guard_is_killed(
    launcher: LocalLauncher, tmp_path: Path, *, survives: bool
) -> None:
    ledger = tmp_path / "ledger"
    wanted = job("sh", "-c", f"echo x >> {ledger}; {'sleep 2; ' if survives else ''}exec sleep 300")
    task = asyncio.create_task(launched(launcher, wanted))
    guard = await _started(launcher, wanted)
    wait_until(ledger.exists)
    [child] = _children(guard)

    os.kill(guard, signal.SIGKILL)
    await asyncio.sleep(0.3)
    held = not task.done()
    os.kill(child, signal.SIGKILL)
    ended, _ = await task
    again, _ = await launched(launcher, wanted)

    assert held, "a job that lives on was given up"
    assert (ended.outcome, again.outcome) == (Outcome.UNKNOWN, Outcome.UNKNOWN)
    assert ledger.read_text() == "x\n"


async def test_a_job_of_which_half_came_is_not_begun(
    launcher: LocalLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger"
    wanted = job("sh", "-c", f"echo x >> {ledger}")
    whole = json.dumps
    monkeypatch.setattr("polydesk.runs.local.json.dumps", lambda said: whole(said)[:-5])

    ended, _ = await launched(launcher, wanted)
    monkeypatch.undo()
    again, _ = await launched(launcher, wanted)

    assert "guard" in ended.message
    assert again.outcome is Outcome.SUCCEEDED
    assert ledger.read_text() == "x\n"


async def test_what_is_left_of_a_job_is_removed(launcher: LocalLauncher) -> None:
    wanted = job("sh", "-c", "echo x > file")
    await launched(launcher, wanted)

    await launcher.clear(wanted)

    assert _files(launcher) == b""


async def test_what_dead_workers_have_left_is_swept_unless_it_runs_or_its_run_does(
    launcher: LocalLauncher, tmp_path: Path
) -> None:
    over, going = job("true", run=1), job("true", run=2)
    runs = job("sleep", "300", run=3)
    for each in (over, going):
        await launched(launcher, each)
    task = asyncio.create_task(launched(launcher, runs))
    await _started(launcher, runs)

    async def is_over(run: int) -> bool:
        return run != 2

    await launcher.sweep(is_over)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]  # noqa: ASYNC240 - a test
    runs.stop.set()
    await task


async def _started(launcher: LocalLauncher, wanted: Job) -> int:
    folder = Folder(launcher._root / wanted.place)  # noqa: SLF001 - where it works
    end = time.monotonic() + 30
    while not (folder.has("started") and folder.has("work")):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    return int((folder.path / "started").read_text())


def _children(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def _command_lines() -> list[bytes]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return lines


def _files(launcher: LocalLauncher) -> bytes:
    return b"".join(
        path.read_bytes()
        for path in Path(launcher._root).rglob("*")  # noqa: SLF001 - where it works
        if path.is_file() and path.suffix != ".py"
    )


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return False
