"""Orgs have an inventory: groups of CIs, and what is reported of them."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, Text

revision: Final = "v0008"
down_revision: Final = "v0007"
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")

# As in v0001: ten thousand CIs in each of ten orgs, a hundred in a group, two reports of each.
_ROWS: Final = {
    "ci_groups_name": "1000 100 1",
    "cis_host": "100000 10000 1 1",
    "cis_id": "100000 10000 1",
    "cis_ci_group": "100000 10000 100 1",
    "ci_statuses_id": "200000 20000 1",
}


def upgrade() -> None:
    """Makes the tables."""
    _groups()
    _cis()
    _statuses()
    if op.get_context().dialect.name == "sqlite":
        for index, rows in _ROWS.items():
            table = next(
                name for name in ("ci_groups", "cis", "ci_statuses") if index.startswith(name)
            )
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{rows}')")  # noqa: S608  # own words


def _groups() -> None:
    op.create_table(
        "ci_groups",
        Column("org", BigInteger, primary_key=True, autoincrement=False),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("name", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("ci_groups_name", "ci_groups", ["org", "name"], unique=True)


def _cis() -> None:
    op.create_table(
        "cis",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("org", BigInteger, nullable=False),
        Column("ci_group", BigInteger, nullable=False),
        Column("host", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("cis_host", "cis", ["org", "host", "ci_group"], unique=True)
    op.create_index("cis_id", "cis", ["org", "id"])
    op.create_index("cis_ci_group", "cis", ["org", "ci_group", "id"])
    op.create_table(
        "ci_tasks",
        Column("ci", BigInteger, primary_key=True, autoincrement=False),
        Column("task", _TEXT, primary_key=True),
    )


def _statuses() -> None:
    op.create_table(
        "ci_statuses",
        Column("ci", BigInteger, primary_key=True, autoincrement=False),
        Column("task", _TEXT, primary_key=True),
        Column("schedule", BigInteger, primary_key=True, autoincrement=False),
        Column("id", BigInteger, nullable=False),
        Column("org", BigInteger, nullable=False),
        Column("ci_group", BigInteger, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("ci_statuses_id", "ci_statuses", ["org", "id"])
