"""Runs tell which schedule has started them, and by when they must have ended."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column

revision: Final = "v0010"
down_revision: Final = "v0009"

# As in v0006; one run in ten is started by one of a thousand schedules.
_ROWS: Final = {
    "runs_schedule": "100000 10000 10 5 1",
    "runs_deadline": "100000 2 1",
}


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("runs", Column("schedule", BigInteger, nullable=False, server_default="0"))
    op.add_column("runs", Column("deadline", BigInteger))
    op.create_index("runs_schedule", "runs", ["org", "schedule", "state", "id"])
    op.create_index("runs_deadline", "runs", ["deadline", "id"])
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            op.execute(f"insert into sqlite_stat1 values ('runs', '{index}', '{rows}')")  # noqa: S608  # own words
