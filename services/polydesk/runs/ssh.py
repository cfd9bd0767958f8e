"""Launches commands on other machines by SSH, each under a guard there that outlives us.

A folder on the target tells how a job stands, as it does on this machine (see `local.py`), so that
whichever worker comes goes on with it. The target needs sh, flock and setsid, and no more; what it
executes is the words that policy has allowed, each quoted for its shell.
"""

from __future__ import annotations

import asyncio
import hashlib
import shlex
from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Mapping
from string import Template
from typing import Final, NamedTuple

import asyncssh

from polydesk.domain.job import Exit, Job, Output
from polydesk.domain.output import Stream
from polydesk.domain.run import Outcome
from polydesk.domain.target import Target, written

# sshd lets ten sessions of a connection in.
MOST_SESSIONS: Final = 8
_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 1.0
# So long a target may be away beyond the time of a job, until nobody can tell how it ended.
_AWAY_SECONDS: Final = 300.0
_ATTEMPTS: Final = 3
_GRACE_SECONDS: Final = 2.0
_WINDOW: Final = 128 * 1024
_BROKEN: Final = (OSError, asyncssh.Error, TimeoutError, ValueError)
_REFUSED: Final = (
    asyncssh.HostKeyNotVerifiable,
    asyncssh.PermissionDenied,
    asyncssh.KeyImportError,
    ValueError,
)
_FILES: Final = (Stream.STDOUT, Stream.STDERR)

# The guard. It answers TERM, so that what it watches ends and it does not; when all is told it ends
# its whole group: itself, the clock, and whatever the command has left behind there.
_GUARD: Final = Template(
    """trap : TERM; echo $$$$ >started.new; mv started.new started
(trap '' TERM; exec >/dev/null 2>&1
sleep $seconds; : >late; kill -TERM -$$$$; sleep 2; kill -KILL -$$$$) &
( cd work && exec $command ) >out 2>err </dev/null &
c=$$!; while :; do wait $$c; r=$$?; kill -0 $$c 2>/dev/null || break; done
echo $$r >end.new; mv end.new end; kill -KILL -$$$$"""
)
_ENTER: Final = 'd="$$HOME/.polydesk/$key"; '
_BEGIN: Final = Template(
    "umask 077; "
    + _ENTER
    + """command -v flock >/dev/null && command -v setsid >/dev/null || {
  echo 'flock and setsid are required' >&2; exit 98; }
mkdir -p "$$d/work" && cd "$$d" && exec 9>lock || exit 97
if flock -n 9 && [ ! -e started ] && [ ! -e started.new ]; then
  setsid env -i PATH="$$PATH" LANG=C.UTF-8 HOME="$$d/work" sh -c $guard >/dev/null 2>&1 </dev/null &
  while [ ! -e started ]; do sleep 0.05; done
fi"""
)
_LOOK: Final = Template(
    _ENTER
    + """cd "$$d" || { echo gone 0 0 0; exit; }; exec 9>>lock; s=held; r=0
if flock -n 9; then s=free; fi
if [ -e end ]; then s=end; r=$$(cat end)
elif [ $$s = free ] && [ -e late ]; then s=late
elif [ $$s = free ] && [ -e stop ]; then s=stop
elif [ $$s = free ] && [ ! -e started ]; then s=none; fi
n() { z=$$(wc -c <"$$1" 2>/dev/null || echo 0); z=$$((z-$$2)); [ $$z -gt $window ] && z=$window
[ $$z -lt 0 ] && z=0; echo $$z; }
a=$$(n out $out); b=$$(n err $err); echo $$s $$r $$a $$b
[ $$a -gt 0 ] && tail -c +$$(($out+1)) out | head -c $$a
[ $$b -gt 0 ] && tail -c +$$(($err+1)) err | head -c $$b
[ -e late ] && echo late || echo"""
)
_STOP: Final = Template(
    _ENTER
    + """cd "$$d" && : >stop && exec 9>>lock && [ -e started ] || exit 0
flock -n 9 || kill -$number -$$(cat started)"""
)
_CLEAR: Final = Template(_ENTER + 'rm -rf "$$d"')


class Look(NamedTuple):
    """What a target says of a job."""

    state: str
    code: int
    data: Mapping[Stream, bytes]
    late: bool


class SshLauncher:
    """Launches commands on targets; any machine goes on with what another has launched."""

    def __init__(self) -> None:
        self.machine = ""
        self._lines: dict[str, _Line] = {}

    async def launch(self, job: Job, *, output: Output) -> Exit:
        """Launches a command, or goes on with one that was launched."""
        line = self._line(job)
        if job.fresh and job.stop.is_set():
            return Exit(outcome=Outcome.CANCELLED, message="cancelled before it began")
        if job.fresh and job.refusal:
            return Exit(outcome=Outcome.FAILED, message=job.refusal)
        if not job.refusal and (failed := await _begin(line, job)):
            return failed
        return await _follow(line, job, output)

    async def clear(self, job: Job) -> None:
        """Removes what is left of a job."""
        try:
            await self._line(job).ask(_CLEAR.substitute(key=_key(job)))
        except _BROKEN:
            return  # it costs a little room there

    async def sweep(self, is_over: Callable[[int], Awaitable[bool]]) -> None:
        """Leaves targets alone: what is left there is small."""

    async def close(self) -> None:
        """Lets go of all targets; what runs there goes on."""
        for line in self._lines.values():
            await line.close()

    def _line(self, job: Job) -> _Line:
        """Returns the one connection to a target, as it is registered now."""
        target = job.target
        if target is None:
            raise TypeError(job)
        facts = f"{target.host} {target.port} {target.user} {target.known_hosts} {job.key}"
        name = hashlib.sha256(facts.encode()).hexdigest()
        if name not in self._lines:
            self._lines[name] = _Line(target, job.key)
        return self._lines[name]


class _Line:
    """A connection to a target, made again whenever it has broken."""

    def __init__(self, target: Target, key: str) -> None:
        self._target = target
        self._key = key
        self._sessions = Semaphore(MOST_SESSIONS)
        self._making = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None

    async def ask(self, command: str) -> bytes:
        """Has the target's shell execute something that ends soon; returns what it prints."""
        async with self._sessions:
            connection = await self._connected()
            try:
                async with asyncio.timeout(_COMMAND_SECONDS):
                    done = await connection.run(command, encoding=None, check=True)
            except asyncssh.ProcessError:
                raise
            except _BROKEN:
                connection.abort()
                self._connection = None
                raise
            return bytes(done.stdout or b"")  # type: ignore[arg-type]  # no encoding: bytes

    async def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()

    async def _connected(self) -> asyncssh.SSHClientConnection:
        async with self._making:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> asyncssh.SSHClientConnection:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await asyncssh.connect(
                self._target.host,
                self._target.port,
                username=self._target.user,
                known_hosts=asyncssh.import_known_hosts(self._target.known_hosts),
                client_keys=[asyncssh.import_private_key(self._key)],
                config=None,
                agent_path=None,
                preferred_auth=("publickey",),
                keepalive_interval=15,
            )


async def _begin(line: _Line, job: Job) -> Exit | None:
    """Sees that a command is begun; returns how it ended where it surely is not."""
    seconds = str(job.seconds)
    guard = _GUARD.substitute(seconds=seconds, command=written(job.argv))
    command = _BEGIN.substitute(key=_key(job), guard=shlex.quote(guard))
    sent = not job.fresh
    for attempt in range(_ATTEMPTS):
        try:
            await line.ask("true")
            sent = True
            await line.ask(command)
        except _REFUSED as error:
            return _unreachable(job, error, sent=sent)
        except asyncssh.ProcessError as error:
            message = f"{_name(job)} cannot run it: {str(error.stderr or error.exit_status)[:200]}"
            return Exit(outcome=Outcome.FAILED, message=message)
        except _BROKEN as error:
            if attempt == _ATTEMPTS - 1 and not sent:
                return _unreachable(job, error, sent=sent)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return None
    return None


async def _follow(line: _Line, job: Job, output: Output) -> Exit:
    """Waits for the end, and takes what is printed; a target may be away for a while."""
    loop = asyncio.get_running_loop()
    last_seen, stopped_at = loop.time(), 0.0
    while True:
        try:
            if job.stop.is_set():
                number = (
                    "KILL" if stopped_at and loop.time() > stopped_at + _GRACE_SECONDS else "TERM"
                )
                stopped_at = stopped_at or loop.time()
                await line.ask(_STOP.substitute(key=_key(job), number=number))
            look = await _look(line, job, output)
        except _BROKEN as error:
            if loop.time() > last_seen + job.seconds + _AWAY_SECONDS:
                return _unreachable(job, error, sent=True)
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        last_seen = loop.time()
        over = look.state != "held"
        for stream, data in look.data.items():
            final = over and len(data) < _WINDOW
            if data:
                await output.take(stream, data, final=final)
        if over and all(len(data) < _WINDOW for data in look.data.values()):
            return _exit(job, look)
        if not any(look.data.values()):
            await asyncio.sleep(_LOOK_SECONDS)


async def _look(line: _Line, job: Job, output: Output) -> Look:
    out, err = [await output.offset(stream) for stream in _FILES]
    command = _LOOK.substitute(key=_key(job), out=out, err=err, window=_WINDOW)
    head, _, rest = (await line.ask(command)).partition(b"\n")
    state, code, size, more = head.decode().split()
    a, b = int(size), int(more)
    data = {Stream.STDOUT: rest[:a], Stream.STDERR: rest[a : a + b]}
    return Look(state, int(code), data, late=rest[a + b :].startswith(b"late"))


def _exit(job: Job, look: Look) -> Exit:
    code = look.code if look.code < 128 else 128 - look.code  # noqa: PLR2004 - a shell adds it
    if look.late or look.state == "late":
        return Exit(outcome=Outcome.TIMED_OUT, message="it took longer than it may, and was ended")
    if look.state == "stop" or (job.stop.is_set() and look.code):
        return Exit(outcome=Outcome.CANCELLED, code=code, message="it was ended on demand")
    if look.state == "end":
        outcome = Outcome.FAILED if look.code else Outcome.SUCCEEDED
        message = f"it ended with exit code {code}" if code > 0 else ""
        message = f"it was ended by signal {-code}" if code < 0 else message
        return Exit(outcome=outcome, code=code, message=message)
    message = f"nobody can tell how it ended: {_name(job)} says {look.state}"
    return Exit(outcome=Outcome.UNKNOWN, message=message)


def _unreachable(job: Job, error: BaseException, *, sent: bool) -> Exit:
    told = str(error) or type(error).__name__
    message = f"{_name(job)} cannot be reached: {told[:300]}"
    return Exit(outcome=Outcome.UNKNOWN if sent else Outcome.FAILED, message=message)


def _name(job: Job) -> str:
    return f"target {job.target.name}" if job.target else "nowhere"


def _key(job: Job) -> str:
    """Names the folder of a job; the mark tells runs of several hubs apart."""
    return f"{job.run}.{job.node}.{job.attempt}.{job.mark}"
