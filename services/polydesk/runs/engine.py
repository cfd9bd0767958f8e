"""The durable engine: DBOS, which keeps a queue of phases and has each carried out.

One workflow drives a phase of a run; what a run does is on record in the hub's own store, so the
engine knows nothing but numbers. Its traps, and how they are closed:

- a second process with the same executor id would carry out what the first one does: on SQLite a
  lock lets one worker in, on PostgreSQL each has an id of its own;
- the version of the application is a constant, or a new hub would leave the old one's runs alone;
- its rows are JSON, which can be read, and run nothing;
- on SQLite the journal is a WAL that is synced, behind one connection of the library that opens it;
- all work is queued, so that another worker may take it over.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from dbos import DBOS, DBOSConfig, Queue
from dbos import SetWorkflowID as WithId
from dbos._recovery import recover_pending_workflows
from dbos._serialization import Serializer
from sqlalchemy import Engine, create_engine, event

from polydesk.domain.job import Standing

_QUEUE: Final = "runs"
_POLL_SECONDS: Final = 0.25
_POOL: Final = 8
_THREADS: Final = 16
_KEPT: Final = timedelta(days=7)
_PER_PRUNE: Final = 500
_MOST_CRASHES: Final = 10_000
_OVER: Final = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})

Drive = Callable[[int, int], Awaitable[None]]


class Json(Serializer):
    """Writes what the engine keeps as JSON."""

    def serialize(self, data: Any) -> str:
        """Returns the text; of an exception, what it says."""
        return json.dumps(data, default=_plain)

    def deserialize(self, serialized_data: str) -> Any:
        """Returns what a text says."""
        return json.loads(serialized_data, object_hook=_read)

    def name(self) -> str:
        """Returns what the engine calls it."""
        return "polydesk_json"


class DbosRunner:
    """Carries out phases of runs, as run_ports.Runner says."""

    def __init__(self, dbos: DBOS, queue: Queue, workflow: Any) -> None:
        self._dbos = dbos
        self._queue = queue
        self._workflow = workflow

    @classmethod
    async def open(
        cls, url: str, *, library: Any, worker: str, drive: Drive, at_once: int
    ) -> DbosRunner:
        """Opens the engine's database: `sqlite:///…` or `postgresql://…`."""
        logger = logging.getLogger("dbos")
        logger.handlers, logger.propagate = [_Handler()], False

        config: DBOSConfig = {
            "name": "polydesk",
            "application_version": "1",
            "executor_id": worker,
            "serializer": Json(),
            "max_executor_threads": _THREADS,
            "enable_otlp": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 1.0,
        }
        if url.startswith("sqlite"):
            config["system_database_engine"] = _sqlite(url.removeprefix("sqlite:///"), library)
        else:
            config["system_database_url"] = url.replace("postgresql:", "postgresql+psycopg:", 1)
            config["sys_db_pool_size"] = _POOL
        dbos = DBOS(config=config)

        @DBOS.step(name="drive")
        async def step(run: int, phase: int) -> None:
            await drive(run, phase)

        @DBOS.workflow(name="run", max_recovery_attempts=_MOST_CRASHES)
        async def workflow(run: int, phase: int) -> None:
            await step(run, phase)

        DBOS.launch()
        queue = await DBOS.register_queue_async(
            _QUEUE, worker_concurrency=at_once, polling_interval_sec=_POLL_SECONDS,
            on_conflict="always_update",
        )  # fmt: skip
        return cls(dbos, queue, workflow)

    async def enqueue(self, run: int, phase: int) -> None:
        """Puts a phase into the queue, unless it has been there."""
        with WithId(_id(run, phase)):
            await self._queue.enqueue_async(self._workflow, run, phase)

    async def standing(self, phases: Sequence[tuple[int, int]]) -> list[Standing]:
        """Tells how phases of runs stand."""
        if not phases:
            return []
        ids = [_id(*phase) for phase in phases]
        found = await DBOS.list_workflows_async(
            workflow_ids=ids, load_input=False, load_output=False
        )
        known = {each.workflow_id: str(each.status) for each in found}
        return [_standing(known.get(id_)) for id_ in ids]

    async def take_over(self, worker: str) -> None:
        """Has the phases of a dead worker carried out by those that live."""
        await asyncio.to_thread(recover_pending_workflows, self._dbos, [worker])

    async def prune(self) -> None:
        """Forgets what ended long ago; what it was about is in the hub's own store."""
        while True:
            found = await DBOS.list_workflows_async(
                status=sorted(_OVER),
                completed_before=(datetime.now(UTC) - _KEPT).isoformat(),
                limit=_PER_PRUNE,
                load_input=False,
                load_output=False,
            )
            if not found:
                return
            await DBOS.delete_workflows_async([each.workflow_id for each in found])


class _Handler(logging.Handler):
    """Hands what the engine logs to the hub's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, record.getMessage(), logger="dbos", exc_info=record.exc_info
        )


def _sqlite(path: str, library: Any) -> Engine:
    """Opens the file with the library that opens all others of this process."""
    Path(path).touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", module=library, pool_size=1, max_overflow=0)

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout = 30000", "foreign_keys = ON", "synchronous = FULL"):
            connection.execute(f"pragma {pragma}")
        connection.execute("pragma journal_mode = WAL")

    event.listen(engine, "connect", prepare)
    return engine


def _id(run: int, phase: int) -> str:
    return f"run-{run}-{phase}"


def _standing(status: str | None) -> Standing:
    if status is None:
        return Standing.UNKNOWN
    if status in _OVER:
        return Standing.OVER
    return Standing.TAKEN if status == "PENDING" else Standing.WAITING


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "message": str(value)}
    raise TypeError(f"{type(value).__name__} is not kept")


def _read(said: dict[str, Any]) -> Any:
    if said.keys() == {"error", "message"}:
        return RuntimeError(f"{said['error']}: {said['message']}")
    return said
