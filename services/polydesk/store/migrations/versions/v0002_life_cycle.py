"""Tickets can be deleted, and the changes of an org be watched."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column

revision: Final = "v0002"
down_revision: Final = "v0001"


def upgrade() -> None:
    """Adds the time of deletion, and finds the changes of an org."""
    op.add_column("tickets", Column("deleted_at", BigInteger))
    op.create_index("history_org", "history", ["org", "sequence"])
    if op.get_context().dialect.name == "sqlite":
        # As in v0001: three million changes in ten orgs.
        op.execute("insert into sqlite_stat1 values ('history', 'history_org', '3000000 300000 1')")
