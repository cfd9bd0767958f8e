"""Orgs have scripts, targets and runbooks, and run them."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, Text, UniqueConstraint

revision: Final = "v0006"
down_revision: Final = "v0005"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")

# As in v0001: a hundred thousand runs in ten orgs, which have nearly all ended.
_ROWS: Final = {
    "runs_org": "100000 10000 1",
    "runs_state": "100000 20000 1",
    "runs_ticket": "100000 2 1",
    "runs_key": "100000 10000 1",
    "runs_wake_at": "100000 2 1",
}


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "shelf",
        Column("org", BigInteger, primary_key=True, autoincrement=False),
        Column("kind", _TEXT, primary_key=True),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("name", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
        UniqueConstraint("org", "kind", "name", name="shelf_name"),
    )
    _runs()
    _output()
    op.create_table(
        "workers",
        Column("id", _TEXT, primary_key=True),
        Column("machine", _TEXT, nullable=False),
        Column("beat", BigInteger, nullable=False),
    )
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            op.execute(f"insert into sqlite_stat1 values ('runs', '{index}', '{rows}')")  # noqa: S608  # own words


def _runs() -> None:
    op.create_table(
        "runs",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("org", BigInteger, nullable=False),
        Column("state", _TEXT, nullable=False),
        Column("runbook", BigInteger, nullable=False),
        Column("ticket", BigInteger, nullable=False),
        Column("key", _TEXT),
        Column("wake_at", BigInteger),
        Column("cancelling", Integer, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("runs_org", "runs", ["org", "id"])
    op.create_index("runs_state", "runs", ["state", "id"])
    op.create_index("runs_ticket", "runs", ["ticket", "id"])
    op.create_index("runs_key", "runs", ["org", "key"], unique=True)
    op.create_index("runs_wake_at", "runs", ["wake_at", "id"])
    op.create_table(
        "plans",
        Column("run", _ID, primary_key=True, autoincrement=False),
        Column("document", _DOCUMENT, nullable=False),
    )


def _output() -> None:
    op.create_table(
        "lines",
        Column("run", BigInteger, primary_key=True, autoincrement=False),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("node", _TEXT, nullable=False),
        Column("attempt", BigInteger, nullable=False),
        Column("stream", _TEXT, nullable=False),
        Column("cut", Integer, nullable=False),
        Column("text", _TEXT, nullable=False),
    )
    op.create_table(
        "tails",
        Column("run", BigInteger, primary_key=True, autoincrement=False),
        Column("node", _TEXT, primary_key=True),
        Column("attempt", BigInteger, primary_key=True, autoincrement=False),
        Column("stream", _TEXT, primary_key=True),
        Column("offset", BigInteger, nullable=False),
        Column("kept", BigInteger, nullable=False),
    )
