"""Drives runs: launches what can be launched, and puts on record what became of it.

Whatever dies, the record tells what to do: an attempt is on record before it is launched, and a
launcher finds again what it has launched. A worker that has lost a run to another is told so by
the next thing it wants to put on record, and leaves everything as it is.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import Task, TaskGroup
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace
from structlog.contextvars import bound_contextvars

from polydesk.domain import progress
from polydesk.domain.errors import NotFound, PolydeskError
from polydesk.domain.identity import Stamp
from polydesk.domain.job import Exit, Job
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.patience import Patience
from polydesk.domain.plan import Plan, PlannedCommand, PlannedScript, Step, told_parameters
from polydesk.domain.ports import Clock, Store
from polydesk.domain.run import LONGEST_RESULT, Attempt, Lost, Outcome, Run, RunState
from polydesk.domain.run_ports import Launcher
from polydesk.domain.script import Language
from polydesk.domain.taking import Taker
from polydesk.domain.target import Target, TargetKind, written

_log = structlog.get_logger()
SecretOf = Callable[[int, str], Awaitable[str]]
_LOOK_SECONDS: Final = 0.25
_INTERPRETERS: Final[Mapping[Language, tuple[str, ...]]] = {
    Language.PYTHON: (sys.executable, "-I"),
    Language.SH: ("/bin/sh",),
    Language.POWERSHELL: ("pwsh", "-NoProfile", "-NonInteractive", "-File"),
}
_SUFFIXES: Final = {Language.PYTHON: ".py", Language.SH: ".sh", Language.POWERSHELL: ".ps1"}


class Drivers:
    """Drives the runs of one worker."""

    def __init__(  # noqa: PLR0913 - what a worker has
        self,
        *,
        store: Store,
        clock: Clock,
        launchers: Mapping[TargetKind, Launcher],
        secret_of: SecretOf,
        worker: str,
        local: bool,
        meter: Meter = UNMETERED,
    ) -> None:
        self.store = store
        self.meter = meter
        self.clock = clock
        self.launchers = launchers
        self.secret_of = secret_of
        self.local = local
        self.patience = Patience(clock)
        self.driven: dict[int, str] = {}
        self._worker = worker
        self._numbers = count(1)

    async def drive(self, id_: int, phase: int) -> None:
        """Drives a run until it has ended or waits for something."""
        owner = f"{self._worker}.{next(self._numbers)}"
        run = await self.patience.until_done(
            lambda: self.store.runs.change(
                id_,
                lambda run: progress.claim(run, owner, phase=phase, at=self.clock.now()),
                stamp=self.stamp(),
            )
        )
        if run.owner != owner:
            return
        self.driven[id_] = owner
        try:
            with bound_contextvars(run=id_, request_id=run.request_id):
                plan = await self.patience.until_done(lambda: self.store.runs.plan(id_))
                _log.info("a run goes on", worker=self._worker)
                state = await _Driver(self, run, plan, owner).go()
                _log.info("a run has ended or waits", state=state.value)
        finally:
            if self.driven.get(id_) == owner:
                del self.driven[id_]

    def stamp(self, run: Run | None = None) -> Stamp:
        """Signs what a worker changes, for whoever started the run."""
        actor = run.actor if run else "polydesk"
        request_id = run.request_id if run else ""
        return Stamp(at=self.clock.now(), actor=actor, via="runs", request_id=request_id)


class _Driver:
    """Drives one run."""

    def __init__(self, drivers: Drivers, run: Run, plan: Plan, owner: str) -> None:
        self._all = drivers
        self._run = run
        self._plan = plan
        self._owner = owner
        self._stop = asyncio.Event()
        self._tasks: dict[str, Task[None]] = {}

    async def go(self) -> RunState:
        """Goes on until the run is laid aside, has ended, or belongs to another worker.

        Returns the state it was last seen in.
        """
        try:
            async with TaskGroup() as group:
                while await self._settle():
                    for step in progress.launchable(self._plan, self._run):
                        if step.id not in self._tasks:
                            work = self._carry_out(step)
                            self._tasks[step.id] = group.create_task(work)
                    await self._wait()
        except* Lost:
            pass  # another worker goes on
        return self._run.state

    async def _settle(self) -> bool:
        self._run = await self._change(
            lambda run: progress.settle(self._plan, run, self._owner, at=self._all.clock.now())
        )
        if self._run.cancelling:
            self._stop.set()
        return self._run.owner == self._owner

    async def _wait(self) -> None:
        """Waits until a step has ended, a time is over, or somebody has changed the run."""
        while self._tasks:
            done, _ = await asyncio.wait(
                self._tasks.values(), timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            ended = [id_ for id_, task in self._tasks.items() if task in done]
            for id_ in ended:
                del self._tasks[id_]
            due = progress.next_due(self._run)
            if ended or (due and due <= self._all.clock.now()):
                return
            seen = await self._all.patience.until_done(
                lambda: self._all.store.runs.get(self._run.id)
            )
            if seen is None or seen.revision != self._run.revision:
                return

    async def _carry_out(self, step: Step) -> None:
        """Launches a step, or goes on with one that was launched, until its end is on record."""
        attempt, fresh = await self._begin(step)
        launcher = self._all.launchers[TargetKind.LOCAL]
        job: Job | None = None
        secrets: dict[str, str] = {}
        try:
            secrets = await self._secrets(step)
            job = await self._job(step, attempt, fresh=fresh, secrets=secrets)
            launcher = self._all.launchers[job.target.kind if job.target else TargetKind.LOCAL]
        except PolydeskError as error:
            taker = self._taker(step, attempt, {})
            ended = Exit(
                outcome=Outcome.FAILED if fresh else Outcome.UNKNOWN, message=error.message
            )
        else:
            taker = self._taker(step, attempt, secrets | {"": job.key})
            await taker.note(0, f"attempt {attempt.number} on {attempt.machine}: {_title(step)}")
            ended = await self._launched(launcher, job, attempt, taker)
        await self._end(step, attempt, ended, taker)
        if job:
            await launcher.clear(job)

    async def _begin(self, step: Step) -> tuple[Attempt, bool]:
        known = self._run.node(step.id).open_attempt
        machine = self._all.launchers[TargetKind.LOCAL].machine
        details = {"node": step.id, "machine": machine, "work": _title(step)}
        self._run = run = await self._change(
            lambda run: progress.begin(
                run, step.id, self._owner, machine=machine, at=self._all.clock.now()
            ),
            action="run.launch",
            details=details,
        )
        attempt = run.node(step.id).open_attempt
        if attempt is None:
            raise Lost(f"node {step.id} of run {run.id} has ended meanwhile")
        return attempt, known is None

    async def _launched(self, launcher: Launcher, job: Job, attempt: Attempt, taker: Taker) -> Exit:
        elsewhere = launcher.machine and attempt.machine != launcher.machine
        if elsewhere and not job.fresh:
            return Exit(
                outcome=Outcome.UNKNOWN,
                message=f"nobody can tell how it ended: {attempt.machine}, where it ran, is gone",
            )
        began = self._all.clock.monotonic()
        ended = await launcher.launch(job, output=taker)
        kind = job.target.kind if job.target else TargetKind.LOCAL
        seconds = self._all.clock.monotonic() - began
        self._all.meter.launched(kind, ended.outcome, seconds=seconds)
        return ended

    async def _end(self, step: Step, attempt: Attempt, ended: Exit, taker: Taker) -> None:
        result = ""
        if isinstance(step.work, PlannedScript) and ended.outcome is Outcome.SUCCEEDED:
            result = taker.mask(ended.stdout).strip()
            if told := _no_result(result, ended.stdout):
                result, ended = "", replace(ended, outcome=Outcome.FAILED, message=told)
        closed = replace(
            attempt,
            ended_at=self._all.clock.now(),
            outcome=ended.outcome,
            exit_code=ended.code,
            message=taker.mask(ended.message.encode()),
        )
        await taker.note(1, f"attempt {attempt.number} {_how(closed)}")
        await self._change(
            lambda run: progress.finish(run, step, self._owner, ended=closed, result=result),
            action="run.exit",
            details={"node": step.id, "attempt": closed},
        )

    async def _job(
        self, step: Step, attempt: Attempt, *, fresh: bool, secrets: dict[str, str]
    ) -> Job:
        usual: dict[str, Any] = {
            "org": self._run.org,
            "run": self._run.id,
            "node": step.id,
            "attempt": attempt.number,
            "fresh": fresh,
            "mark": f"{attempt.started_at:%Y%m%d%H%M%S%f}",
            "stop": self._stop,
        }
        match step.work:
            case PlannedCommand(target=name, argv=argv, seconds=seconds):
                target = await self._target(name)
                return Job(
                    argv=argv,
                    seconds=seconds,
                    target=target,
                    refusal=self._refusal(target, argv),
                    key=await self._secret(target.key) if target.key else "",
                    **usual,
                )
            case PlannedScript() as script:
                told = script.inputs.encode() or msgspec.json.encode(
                    told_parameters(self._plan.scope_of(step), secrets)
                )
                return Job(
                    argv=_INTERPRETERS[script.language],
                    seconds=script.seconds,
                    source=script.source,
                    suffix=_SUFFIXES[script.language],
                    stdin=told,
                    **usual,
                )
        raise TypeError(step.work)

    async def _target(self, name: str) -> Target:
        found = await self._all.patience.until_done(
            lambda: self._all.store.targets.find(self._run.org, name)
        )
        if found is None:
            raise NotFound(f"org {self._run.org} has no target {name}")
        return found.spec

    def _refusal(self, target: Target, argv: tuple[str, ...]) -> str:
        if target.kind is TargetKind.LOCAL and not self._all.local:
            return "this hub has no local targets: POLYDESK_LOCAL_TARGETS is not set"
        return target.refusal(argv)

    async def _secrets(self, step: Step) -> dict[str, str]:
        secrets = self._plan.scope_of(step).secrets
        return {parameter: await self._secret(name) for parameter, name in secrets.items()}

    async def _secret(self, name: str) -> str:
        return await self._all.patience.until_done(lambda: self._all.secret_of(self._run.org, name))

    def _taker(self, step: Step, attempt: Attempt, secrets: dict[str, str]) -> Taker:
        return Taker(
            store=self._all.store.runs,
            patience=self._all.patience,
            run=self._run.id,
            node=step.id,
            attempt=attempt.number,
            owner=self._owner,
            secrets=secrets.values(),
        )

    async def _change(
        self,
        change: Callable[[Run], Run],
        *,
        action: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> Run:
        return await self._all.patience.until_done(
            lambda: self._all.store.runs.change(
                self._run.id,
                change,
                action=action,
                details=details,
                stamp=self._all.stamp(self._run),
            )
        )


def _title(step: Step) -> str:
    match step.work:
        case PlannedCommand(target=target, argv=argv):
            return f"{written(argv)[:500]} (target {target})"
        case PlannedScript(script=script, revision=revision):
            return f"script {script}, version {revision}"
    return step.id


def _how(attempt: Attempt) -> str:
    code = "" if attempt.exit_code is None else f" with exit code {attempt.exit_code}"
    message = f": {attempt.message}" if attempt.message else ""
    return f"{attempt.outcome.value.lower().replace('_', ' ')}{code}{message}"


def _no_result(result: str, stdout: bytes) -> str:
    """Tells why what a script has printed is no answer; nothing where it is one, or nothing."""
    if len(stdout) > LONGEST_RESULT:
        return f"it answered more than {LONGEST_RESULT:,} bytes"
    if result:
        try:
            msgspec.json.decode(result)
        except msgspec.DecodeError:
            return "what it printed is no JSON; what is not its answer belongs on standard error"
    return ""
