"""Orgs have secrets, and the history tells what belongs to no ticket."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary, Text, text

revision: Final = "v0005"
down_revision: Final = "v0004"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")
_OF_TICKETS: Final = text("ticket <> 0")

# As in v0001: a thousand secrets in each of ten orgs; changes as in v0002.
_ROWS: Final = {
    "secrets_name": "10000 1000 1",
    "secrets_id": "10000 1000 1",
    "history_org": "3000000 300000 1",
}


def upgrade() -> None:
    """Makes the table, and an index that leaves out what those who follow tickets do not read."""
    op.create_table(
        "secrets",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("org", BigInteger, nullable=False),
        Column("name", _TEXT, nullable=False),
        Column("key", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
    )
    op.create_index("secrets_name", "secrets", ["org", "name"], unique=True)
    op.create_index("secrets_id", "secrets", ["org", "id"])
    op.drop_index("history_org", "history")
    op.create_index(
        "history_org",
        "history",
        ["org", "sequence"],
        sqlite_where=_OF_TICKETS,
        postgresql_where=_OF_TICKETS,
    )
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            table = index.partition("_")[0]
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{rows}')")  # noqa: S608  # own words
