"""Runs that nobody starts in person: what rules and schedules have in common."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from polydesk.domain.errors import Conflict, Overloaded, PolydeskError, TimedOut, Unavailable
from polydesk.domain.identity import Caller, Role

_PASSING: Final = (Unavailable, Overloaded, TimedOut)


def agent(cause: str, id_: int, org: int) -> Caller:
    """Returns who starts the runs of a rule or a schedule, with the rights of an agent."""
    return Caller(
        account=0,
        login=f"{cause} {id_}",
        roles={org: Role.AGENT},
        scope="runs.write",
        via=f"{cause}s",
    )


async def why_not(starting: Awaitable[object]) -> str:
    """Returns why there is no run; nothing where there is one. Raises what passes.

    A key that was used for another order tells that the run was started, and that the rule, the
    schedule or the ticket has changed since.
    """
    try:
        await starting
    except _PASSING:
        raise
    except Conflict:
        return ""
    except PolydeskError as error:
        return error.message
    return ""
