"""Metrics as Prometheus reads them. Labels are words of closed sets: never an org, never a name.

What happens is counted as it does; how things stand is asked for when somebody looks.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Final, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from polydesk.domain.errors import PolydeskError
from polydesk.domain.run import Outcome, RunState
from polydesk.domain.target import TargetKind

Look = Callable[[], Awaitable[Mapping[str, float]]]
_CALL_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_COMMIT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_RUN_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600)
_LOOK_SECONDS: Final = 3.0
_GROUPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class _Calls(NamedTuple):
    """What is counted of one method, found once."""

    under_way: Gauge
    seconds: Histogram
    codes: dict[str, Counter]


class Metrics:
    """Counts what meter.Meter tells, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._looks: list[tuple[Gauge, Look]] = []
        self._methods: dict[tuple[str, str], _Calls] = {}
        build = Gauge("polydesk_build", "The version.", ("version", "python"), registry=registry)
        build.labels(version("polydesk"), platform.python_version()).set(1)
        self._watch_calls(("method", "dialect"))
        self._watch_store()
        self._watch_runs()

    def _watch_calls(self, labels: tuple[str, str]) -> None:
        self._calls = self._counter("polydesk_calls", "Calls that ended, by code.", *labels, "code")
        self._call_seconds = self._histogram(
            "polydesk_call_seconds",
            "How long calls took; streams, which last as long as their callers like, left out.",
            *labels,
            buckets=_CALL_SECONDS,
        )
        self._under_way = Gauge(
            "polydesk_calls_under_way", "Calls under way.", labels, registry=self._registry
        )
        self._refused = self._counter(
            "polydesk_credentials_refused", "Calls whose credentials were refused.", "scheme"
        )

    def _watch_store(self) -> None:
        self._commit_seconds = self._histogram(
            "polydesk_store_commit_seconds",
            "How long transactions took, from their begin to their sync.",
            buckets=_COMMIT_SECONDS,
        )
        self._group = self._histogram(
            "polydesk_store_group_calls", "How many calls shared a transaction.", buckets=_GROUPS
        )
        self._rolled_back = self._counter(
            "polydesk_store_rollbacks",
            "Transactions that came to nothing; the calls of a group are then tried one by one.",
        )

    def _watch_runs(self) -> None:
        self._runs = self._counter("polydesk_runs", "Runs that came into a state.", "state")
        self._run_waits = self._histogram(
            "polydesk_run_wait_seconds",
            "How long runs waited until a worker began with them.",
            buckets=_RUN_SECONDS,
        )
        self._launches = self._histogram(
            "polydesk_launch_seconds",
            "How long launches of scripts and commands took.",
            "kind",
            "outcome",
            buckets=_RUN_SECONDS,
        )
        self._fired = self._counter(
            "polydesk_fired",
            "Times that a schedule or a rule was due, and whether a run was started.",
            "cause",
            "outcome",
        )

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _histogram(
        self, name: str, meaning: str, *labels: str, buckets: Sequence[float]
    ) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self._registry)

    def call_began(self, method: str, dialect: str) -> None:
        """Notes a call that came in."""
        self._of(method, dialect).under_way.inc()

    def call_ended(
        self, method: str, dialect: str, *, code: str, seconds: float, lasting: bool
    ) -> None:
        """Notes how a call ended."""
        calls = self._of(method, dialect)
        calls.under_way.dec()
        if not lasting:
            calls.seconds.observe(seconds)
        counter = calls.codes.get(code)
        if counter is None:
            counter = calls.codes[code] = self._calls.labels(method, dialect, code)
        counter.inc()

    def credentials_refused(self, scheme: str) -> None:
        """Notes credentials that are none."""
        self._refused.labels(scheme).inc()

    def committed(self, calls: int, *, seconds: float) -> None:
        """Notes a transaction."""
        self._commit_seconds.observe(seconds)
        self._group.observe(calls)

    def rolled_back(self, calls: int) -> None:
        """Notes a transaction that came to nothing."""
        del calls
        self._rolled_back.inc()

    def run_came(self, state: RunState) -> None:
        """Notes that a run has come into a state."""
        self._runs.labels(state.value).inc()

    def run_taken(self, *, seconds: float) -> None:
        """Notes how long a run has waited for a worker."""
        self._run_waits.observe(seconds)

    def launched(self, kind: TargetKind, outcome: Outcome, *, seconds: float) -> None:
        """Notes how a launch ended."""
        self._launches.labels(kind.value, outcome.value).observe(seconds)

    def fired(self, cause: str, *, started: bool) -> None:
        """Notes that a schedule or a rule was due."""
        self._fired.labels(cause, "started" if started else "left_out").inc()

    def stands(self, name: str, meaning: str, look: Callable[[], float]) -> None:
        """Has a number looked at whenever somebody asks."""
        Gauge(name, meaning, registry=self._registry).set_function(look)

    def stand(self, name: str, meaning: str, label: str, look: Look) -> None:
        """Has numbers looked up in the store whenever somebody asks."""
        self._looks.append((Gauge(name, meaning, (label,), registry=self._registry), look))

    async def page(self, accepted: str) -> tuple[bytes, str]:
        """Returns all of it in a form that is accepted, and the form's content type."""
        for gauge, look in self._looks:
            gauge.clear()
            with suppress(PolydeskError, TimeoutError):  # the others are told all the same
                async with asyncio.timeout(_LOOK_SECONDS):
                    found = await look()
                for word, number in found.items():
                    gauge.labels(word).set(number)
        encode, content_type = choose_encoder(accepted)
        return encode(self._registry), content_type

    def _of(self, method: str, dialect: str) -> _Calls:
        calls = self._methods.get((method, dialect))
        if calls is None:
            calls = self._methods[method, dialect] = _Calls(
                self._under_way.labels(method, dialect),
                self._call_seconds.labels(method, dialect),
                {},
            )
        return calls
