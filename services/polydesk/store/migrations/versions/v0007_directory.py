"""Orgs have people and locations, and files that wait for their tickets."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, Text

revision: Final = "v0007"
down_revision: Final = "v0006"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")
# As in v0001: a thousand people and a hundred locations in each of ten orgs.
_ROWS: Final = {
    "people_key": "10000 1000 1",
    "people_id": "10000 1000 1",
    "locations_key": "1000 100 1",
    "locations_id": "1000 100 1",
}


def upgrade() -> None:
    """Makes the tables."""
    for table in ("people", "locations"):
        op.create_table(
            table,
            Column("id", _ID, primary_key=True, autoincrement=False),
            Column("org", BigInteger, nullable=False),
            Column("key", _TEXT, nullable=False),
            Column("document", _DOCUMENT, nullable=False),
        )
        op.create_index(f"{table}_key", table, ["org", "key"], unique=True)
        op.create_index(f"{table}_id", table, ["org", "id"])
    op.create_table(
        "pending_files",
        Column("reference", _TEXT, primary_key=True),
        Column("org", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("pending_files_expires_at", "pending_files", ["expires_at"])
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            table = index.partition("_")[0]
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{rows}')")  # noqa: S608  # own words
