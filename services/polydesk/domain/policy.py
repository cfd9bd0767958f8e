"""What an org has decided on service levels: when it works, how soon it solves what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from polydesk.domain.calendar import Calendar, check_calendar
from polydesk.domain.errors import Invalid
from polydesk.domain.lifecycle import PRIORITIES
from polydesk.domain.ticket import Level, Priority

_LONGEST_TARGET: Final = 366 * 86_400


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an org has decided: `targets` in working seconds, `matrix` where it is not ITIL's."""

    calendar: Calendar = Calendar()
    targets: dict[Priority, int] = {}
    matrix: tuple[tuple[Level, Level, Priority], ...] = ()

    @property
    def priorities(self) -> Mapping[tuple[Level, Level], Priority]:
        """Returns the whole matrix: impact, urgency, priority."""
        own = {(impact, urgency): priority for impact, urgency, priority in self.matrix}
        return {**PRIORITIES, **own}


def check_policy(policy: Policy) -> None:
    """Refuses a policy that cannot be."""
    check_calendar(policy.calendar)
    for seconds in policy.targets.values():
        if not 0 < seconds <= _LONGEST_TARGET:
            raise Invalid("a target is more than nothing and at most a year", field="targets")
