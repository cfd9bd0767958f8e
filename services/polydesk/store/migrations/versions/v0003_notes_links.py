"""Tickets have notes, and links to other systems."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, Text

revision: Final = "v0003"
down_revision: Final = "v0002"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")
# As in v0001: two million notes, and a link for every other ticket.
_ROWS: Final = {
    "notes_ticket": "2000000 4 1",
    "links_key": "500000 50000 25000 1 1",
    "links_ticket": "500000 2 1",
}


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "notes",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("ticket", BigInteger, nullable=False),
        Column("kind", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("notes_ticket", "notes", ["ticket", "id"])
    op.create_table(
        "links",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("org", BigInteger, nullable=False),
        Column("system", _TEXT, nullable=False),
        Column("key", _TEXT, nullable=False),
        Column("ticket", BigInteger, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("links_key", "links", ["org", "system", "key", "ticket"], unique=True)
    op.create_index("links_ticket", "links", ["ticket", "id"])
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            table = index.partition("_")[0]
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{rows}')")  # noqa: S608  # own words
