"""The private addresses of what `polydesk up` runs: a port each, one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from polydesk.cli.address import Address

if TYPE_CHECKING:
    from polydesk.config import Settings


class Private(NamedTuple):
    """Where metrics are told, by the hubs, the worker and Envoy, and channelz; empty: nowhere."""

    hubs: Sequence[str]
    worker: str
    envoy: str
    channelz: Sequence[str]

    @classmethod
    def of(cls, settings: Settings) -> Private:
        """Gives the first ports to the hubs, the next to the worker, the last one to Envoy.

        Port 0 is any for each, which its log tells; Envoy, whose log would not, has none then.
        """
        hubs = settings.workers
        metrics = _row(settings.metrics, hubs + 2)
        any_port = settings.metrics.endswith(":0")
        return cls(
            hubs=metrics[:hubs],
            worker=metrics[hubs],
            envoy="" if any_port else metrics[hubs + 1],
            channelz=_row(settings.channelz, hubs),
        )

    def check_free(self) -> None:
        """Raises Failure where one of them is taken."""
        for setting, addresses in (
            ("POLYDESK_METRICS", [*self.hubs, self.worker, self.envoy]),
            ("POLYDESK_CHANNELZ", self.channelz),
        ):
            for address in filter(None, addresses):
                Address.parse(address, lowest=0).check_free(setting)


def _row(first: str, length: int) -> Sequence[str]:
    if not first:
        return [""] * length
    address = Address.parse(first, lowest=0)
    return [str(address.next(step)) for step in range(length)]
