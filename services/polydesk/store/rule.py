"""Rules on the shelf, and up to which ticket each has got, among the counters."""

from __future__ import annotations

from typing import Final

from polydesk.domain.identity import Stamp
from polydesk.domain.registered import Registered
from polydesk.domain.rule import Rule
from polydesk.domain.saving import Change
from polydesk.store import history
from polydesk.store.counter import KEEP
from polydesk.store.script import Read, Script, Together, Write
from polydesk.store.shelf import SqlShelf

_STANDING: Final = (
    "select shelf.document, coalesce(counters.value, 0) from shelf left join counters"
    " on counters.name = 'rule/' || shelf.org || '/' || shelf.id"
    " where shelf.kind = 'rule' order by shelf.org, shelf.id"
)


class SqlRules(SqlShelf[Rule]):
    """Keeps rules, as run_ports.RuleStore says."""

    async def standing(self) -> list[tuple[Registered[Rule], int]]:
        """Returns the rules of all orgs, and how far each has got."""
        rows = await self._engine.rows(Read(_STANDING))
        return [(self._decode(document), int(ticket)) for document, ticket in rows]

    async def advance(
        self, rule: Registered[Rule], ticket: int, *, left_out: Change | None, stamp: Stamp
    ) -> bool:
        """Moves a rule on to a ticket, unless it is there."""
        return await self._engine.write(
            lambda: _advance(rule, ticket, left_out=left_out, stamp=stamp)
        )


def _advance(
    rule: Registered[Rule], ticket: int, *, left_out: Change | None, stamp: Stamp
) -> Script[bool]:
    name = f"rule/{rule.org}/{rule.id}"
    rows = yield Read("select value from counters where name = $1", (name,))
    if rows and rows[0][0] >= ticket:
        return False
    writes = [Write(KEEP, [(name, ticket)])]
    if left_out:
        latest = yield from history.latest()
        writes += history.append([left_out], stamp, latest=latest, ticket=latest.ticket)
    yield Together(writes)
    return True
