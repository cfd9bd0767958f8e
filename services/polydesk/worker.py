"""The composition root of those who work: settings become a store, launchers, an engine."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import uuid
from pathlib import Path
from typing import Final

import structlog

from polydesk import store
from polydesk.composition import SystemClock, open_secrets
from polydesk.config import Settings
from polydesk.domain.driving import Drivers, SecretOf
from polydesk.domain.errors import Unavailable
from polydesk.domain.identity import Caller, Role
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.ports import Clock, Store
from polydesk.domain.ruling import Ruler
from polydesk.domain.running import Runs
from polydesk.domain.target import TargetKind
from polydesk.domain.ticking import Ticker
from polydesk.domain.vault import Secrets
from polydesk.domain.working import Worker
from polydesk.runs.engine import DbosRunner
from polydesk.runs.local import LocalLauncher
from polydesk.runs.ssh import SshLauncher
from polydesk.telemetry import Telemetry
from polydesk.telemetry.log import configure_log

_LOCKED: Final = "another worker works on this data: on SQLite there is one"


async def work(settings: Settings) -> None:
    """Works on runs until the process is told to end.

    Then it ends at once, as if it were killed: what it has launched goes on under its guards, and
    the next worker goes on with it.
    """
    configure_log(settings.log_level)
    settings.runs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.on_postgres:
        _lock(settings.runs_folder)
    telemetry = Telemetry(settings.model_copy(update={"channelz": "", "otlp": ""}))
    opened = await store.open_store(settings.store_url, meter=telemetry.meter)
    clock = SystemClock()
    secret_of = _secret_of(open_secrets(settings, opened, clock))
    worker = await open_worker(settings, opened, clock, secret_of=secret_of, meter=telemetry.meter)
    telemetry.see_store(opened)
    telemetry.see_runs(opened)
    await telemetry.open(lambda: _ready(opened))
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    structlog.get_logger().info("working")
    working = asyncio.create_task(worker.work())
    ending = asyncio.create_task(told.wait())
    await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
    os._exit(0 if told.is_set() else os.EX_TEMPFAIL)


async def _ready(opened: Store) -> str:
    """Returns why the worker cannot work, or nothing."""
    await opened.identity.version()
    return ""


async def open_worker(
    settings: Settings,
    opened: Store,
    clock: Clock,
    *,
    secret_of: SecretOf,
    meter: Meter = UNMETERED,
) -> Worker:
    """Builds a worker on a store."""
    machine, name = _machine(settings.runs_folder), uuid.uuid4().hex
    local = settings.local_targets or settings.demo
    drivers = Drivers(
        store=opened,
        clock=clock,
        launchers={
            TargetKind.LOCAL: LocalLauncher(settings.runs_folder, machine=machine),
            TargetKind.SSH: SshLauncher(),
        },
        secret_of=secret_of,
        worker=name,
        local=local,
        meter=meter,
    )
    runner = await DbosRunner.open(
        settings.engine_url,
        library=store.sqlite_library(),
        worker=name if settings.on_postgres else "work",
        drive=drivers.drive,
        at_once=settings.runs,
    )
    runs = Runs(store=opened, clock=clock, local=local)
    return Worker(
        drivers=drivers,
        runner=runner,
        ticker=Ticker(runs=runs, store=opened, clock=clock, meter=meter),
        ruler=Ruler(runs=runs, store=opened, clock=clock, meter=meter),
        name=name,
        machine=machine,
        shared=settings.on_postgres,
    )


def _machine(folder: Path) -> str:
    """Names this machine and its folder, in which alone its jobs are found again."""
    path = folder / "machine"
    if not path.exists():
        fresh = path.with_name(f"machine.{os.getpid()}")
        fresh.write_text(f"{socket.gethostname()[:100]}/{uuid.uuid4().hex[:8]}")
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text()


def _lock(folder: Path) -> None:
    """Lets one worker in, until this process ends."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unavailable(_LOCKED) from error


def _secret_of(secrets: Secrets) -> SecretOf:
    """Has a worker read the secrets of runs; the history tells that it did."""

    async def secret_of(org: int, name: str) -> str:
        worker = Caller(
            account=0, login="worker", roles={org: Role.ADMIN}, scope="secrets.read", via="runs"
        )
        return (await secrets.access(worker, org, name)).value

    return secret_of
