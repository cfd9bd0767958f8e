"""The output of runs: lines under the number they have in their run, and how far they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from polydesk.domain.errors import NotFound
from polydesk.domain.job import Place, Tail
from polydesk.domain.output import Line, Piece, Stream
from polydesk.domain.run import Run, check_owner
from polydesk.store.script import Engine, Read, Script, Write

_LINES: Final = (
    "select number, node, attempt, stream, text, cut from lines where run = $1 and number > $2"
    " order by number limit $3"
)
_TAIL: Final = (
    'select "offset", kept from tails where run = $1 and node = $2 and attempt = $3 and stream = $4'
)
_INSERT: Final = (
    "insert into lines (run, number, node, attempt, stream, cut, text)"
    " values ($1, $2, $3, $4, $5, $6, $7)"
)
_MOVE: Final = (
    'insert into tails (run, node, attempt, stream, "offset", kept) values ($1, $2, $3, $4, $5, $6)'
    " on conflict (run, node, attempt, stream)"
    ' do update set "offset" = excluded."offset", kept = excluded.kept'
)
_decode: Final = msgspec.json.Decoder(Run).decode


class SqlLines:
    """Keeps the output of runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def keep(  # noqa: PLR0913 - as one transaction
        self,
        id_: int,
        place: Place,
        pieces: Sequence[Piece],
        *,
        owner: str,
        old: Tail,
        new: Tail,
    ) -> Tail:
        """Appends lines, and moves the tail of the place they came from on."""
        return await self._engine.write(
            lambda: _keep(id_, place, pieces, owner=owner, old=old, new=new)
        )

    async def tail(self, id_: int, place: Place) -> Tail:
        """Returns up to where an output was taken."""
        row = await self._engine.row(_tail(id_, place))
        return Tail(0, 0) if row is None else Tail(*row)

    async def lines(self, id_: int, *, after: int, limit: int) -> list[Line]:
        """Returns lines with a number above `after`."""
        rows = await self._engine.rows(Read(_LINES, (id_, after, limit)))
        return [
            Line(
                number=number,
                node=node,
                attempt=attempt,
                stream=Stream(stream),
                text=text,
                cut=bool(cut),
            )
            for number, node, attempt, stream, text, cut in rows
        ]


def _keep(  # noqa: PLR0913 - as one transaction
    id_: int, place: Place, pieces: Sequence[Piece], *, owner: str, old: Tail, new: Tail
) -> Script[Tail]:
    rows = yield Read("select document from runs where id = $1", (id_,))
    if not rows:
        raise NotFound(f"there is no run {id_}")
    check_owner(_decode(rows[0][0]), owner)
    tails = yield _tail(id_, place)
    known = Tail(*tails[0]) if tails else Tail(0, 0)
    if known != old:
        return known
    [[last]] = yield Read("select coalesce(max(number), 0) from lines where run = $1", (id_,))
    node, attempt, stream = place.node, place.attempt, place.stream.value
    if pieces:
        yield Write(
            _INSERT,
            [
                (id_, last + index, node, attempt, stream, int(piece.cut), piece.text)
                for index, piece in enumerate(pieces, start=1)
            ],
        )
    yield Write(_MOVE, [(id_, node, attempt, stream, *new)])
    return new


def _tail(id_: int, place: Place) -> Read:
    return Read(_TAIL, (id_, place.node, place.attempt, place.stream.value))
