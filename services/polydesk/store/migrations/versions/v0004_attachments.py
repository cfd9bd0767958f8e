"""Tickets have attachments."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, Text

revision: Final = "v0004"
down_revision: Final = "v0003"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")

# As in v0001: an attachment for every other ticket.
_ROWS: Final = {"attachments_ticket": "500000 2 1", "attachments_sha256": "500000 2 1"}


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "attachments",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("ticket", BigInteger, nullable=False),
        Column("sha256", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("attachments_ticket", "attachments", ["ticket", "id"])
    op.create_index("attachments_sha256", "attachments", ["sha256", "id"])
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            op.execute(f"insert into sqlite_stat1 values ('attachments', '{index}', '{rows}')")  # noqa: S608  # own words
