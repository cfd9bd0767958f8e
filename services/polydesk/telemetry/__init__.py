"""What operators see of a process: metrics, health and channelz, each on a port of its own.

Never on the public one, and nothing of what the hub keeps. What nobody has asked for is not even
imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio

from polydesk.config import Settings
from polydesk.domain.desk import Desk
from polydesk.domain.meter import UNMETERED, Meter
from polydesk.domain.ports import Store

if TYPE_CHECKING:
    from polydesk.telemetry.metrics import Metrics
    from polydesk.telemetry.port import PrivatePort, Ready

__all__ = ["Telemetry"]


class Telemetry:
    """What one process tells of itself; `address` is where."""

    def __init__(self, settings: Settings) -> None:
        self.address = ""
        self.meter: Meter = UNMETERED
        self._wanted = settings.metrics
        self._metrics: Metrics | None = None
        self._port: PrivatePort | None = None
        self._channelz_wanted = settings.channelz
        self._channelz: grpc.aio.Server | None = None
        if self._wanted:
            from polydesk.telemetry import metrics, port  # noqa: PLC0415  # most processes need none

            port.parse(self._wanted)
            self.meter = self._metrics = metrics.Metrics()
        if self._channelz_wanted:
            from polydesk.telemetry import channelz  # noqa: PLC0415  # as above

            channelz.check(self._channelz_wanted)

    def see_store(self, store: Store) -> None:
        """Has the store's load told."""
        if metrics := self._metrics:
            metrics.stands(
                "polydesk_store_waiting", "Writes that wait.", lambda: store.load().waiting
            )
            metrics.stands(
                "polydesk_store_reading", "Readers at work.", lambda: store.load().reading
            )
            metrics.stands(
                "polydesk_store_readers", "Readers that there are.", lambda: store.load().readers
            )

    def see_desk(self, desk: Desk) -> None:
        """Has those told who watch."""
        if metrics := self._metrics:
            metrics.stands(
                "polydesk_watches", "Watches of orgs that are open.", lambda: desk.watches.count
            )
            metrics.stands(
                "polydesk_followers", "Callers who follow a run.", lambda: desk.followers.count
            )

    def see_runs(self, store: Store) -> None:
        """Has the runs told that have not ended: of the hub, not of this process alone."""

        async def going() -> dict[str, float]:
            return {state.value: number for state, number in (await store.runs.going()).items()}

        if self._metrics:
            self._metrics.stand(
                "polydesk_runs_going", "Runs of the hub that have not ended.", "state", going
            )

    async def open(self, ready: Ready) -> None:
        """Begins to tell, where somebody has asked for it."""
        if self._metrics:
            from polydesk.telemetry.port import PrivatePort  # noqa: PLC0415  # as above

            self._port = await PrivatePort.open(self._wanted, metrics=self._metrics, ready=ready)
            self.address = self._port.address
        if self._channelz_wanted:
            from polydesk.telemetry import channelz  # noqa: PLC0415  # as above

            self._channelz = await channelz.serve(self._channelz_wanted)

    async def close(self) -> None:
        """Ends it."""
        if self._port:
            await self._port.close()
        if self._channelz:
            await self._channelz.stop(None)
