"""Orgs have schedules."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Text

revision: Final = "v0009"
down_revision: Final = "v0008"
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "schedules",
        Column("org", BigInteger, primary_key=True, autoincrement=False),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("next_due", BigInteger),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("schedules_next_due", "schedules", ["next_due", "org", "id"])
    if op.get_context().dialect.name == "sqlite":
        # As in v0001: a thousand schedules in each of ten orgs, few of which are due at once.
        op.execute(
            "insert into sqlite_stat1 values ('schedules', 'schedules_next_due', '10000 5 1 1')"
        )
