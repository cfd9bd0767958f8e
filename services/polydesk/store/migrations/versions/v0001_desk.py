"""The desk as it began: accounts, tickets, history, idempotency."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

revision: Final = "v0001"
down_revision: Final = None
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")
# Rows in all, then how many share the first column of the index, the first two, and so on.
_ROWS: Final = {
    "tickets_number": "1000000 100000 2 1",
    "tickets_id": "1000000 100000 1",
    "tickets_sys_id": "1000000 100000 2 1",
    "tickets_opened_at": "1000000 100000 10 1",
    "tickets_modified_at": "1000000 100000 10 1",
    "tickets_created_at": "1000000 100000 100 1",
    "tickets_updated_at": "1000000 100000 100 1",
    "history_ticket": "3000000 3 1",
}


def upgrade() -> None:
    """Makes the tables, and the rows that writes go on from."""
    _accounts()
    _keys()
    _tickets()
    _history()
    _once()
    op.execute("insert into counters (name, value) values ('account', 0), ('identity', 0)")
    latest = Table("latest", MetaData(), autoload_with=op.get_bind())
    op.bulk_insert(latest, [{"one": 1, "ticket": 0, "sequence": 0, "hash": bytes(32)}])
    if op.get_context().dialect.name == "sqlite":
        _advise()


def _advise() -> None:
    """Tells SQLite, which gathers none by itself, statistics as of a million tickets in ten orgs.

    Without them it reads a whole org in the order asked for, to find the one row of a number.
    """
    op.execute("analyze")
    for index, rows in _ROWS.items():
        table = index.partition("_")[0]
        op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{rows}')")  # noqa: S608  # own words


def _accounts() -> None:
    op.create_table(
        "orgs",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_table(
        "accounts",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("login", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
        UniqueConstraint("login", name="accounts_login"),
    )


def _keys() -> None:
    op.create_table(
        "api_keys",
        Column("digest", LargeBinary, primary_key=True),
        Column("account", _ID, ForeignKey("accounts.id", name="api_keys_account"), nullable=False),
        Column("label", _TEXT, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "signing_keys",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("secret", LargeBinary, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "counters",
        Column("name", _TEXT, primary_key=True),
        Column("value", BigInteger, nullable=False),
    )


def _tickets() -> None:
    op.create_table(
        "tickets",
        Column("id", _ID, primary_key=True, autoincrement=False),
        Column("org", BigInteger, nullable=False),
        Column("kind", _TEXT, nullable=False),
        Column("number", _TEXT, nullable=False),
        Column("sys_id", _TEXT, nullable=False),
        Column("state", _TEXT, nullable=False),
        Column("assignment_group", _TEXT, nullable=False),
        Column("opened_at", BigInteger, nullable=False),
        Column("modified_at", BigInteger, nullable=False),
        Column("resolved_at", BigInteger),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("execution", _TEXT, nullable=False),
        Column("document", _DOCUMENT, nullable=False),
    )
    op.create_index("tickets_number", "tickets", ["org", "number", "kind"], unique=True)
    op.create_index("tickets_id", "tickets", ["org", "id"])
    op.create_index("tickets_sys_id", "tickets", ["org", "sys_id", "id"])
    op.create_index("tickets_opened_at", "tickets", ["org", "opened_at", "id"])
    op.create_index("tickets_modified_at", "tickets", ["org", "modified_at", "id"])
    op.create_index("tickets_created_at", "tickets", ["org", "created_at", "id"])
    op.create_index("tickets_updated_at", "tickets", ["org", "updated_at", "id"])


def _history() -> None:
    op.create_table(
        "latest",
        Column("one", Integer, primary_key=True, autoincrement=False),
        Column("ticket", BigInteger, nullable=False),
        Column("sequence", Integer, nullable=False),
        Column("hash", LargeBinary, nullable=False),
    )
    op.create_table(
        "history",
        Column("sequence", Integer, primary_key=True, autoincrement=False),
        Column("ticket", BigInteger, nullable=False),
        Column("org", BigInteger, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("actor", _TEXT, nullable=False),
        Column("via", _TEXT, nullable=False),
        Column("request_id", _TEXT, nullable=False),
        Column("action", _TEXT, nullable=False),
        Column("digest", _TEXT, nullable=False),
        Column("fields", _DOCUMENT, nullable=False),
        Column("hash", LargeBinary, nullable=False),
    )
    op.create_index("history_ticket", "history", ["ticket", "sequence"])


def _once() -> None:
    op.create_table(
        "once",
        Column("actor", _TEXT, primary_key=True),
        Column("key", _TEXT, primary_key=True),
        Column("digest", LargeBinary, nullable=False),
        Column("answer", _DOCUMENT, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
    )
    op.create_index("once_expires_at", "once", ["expires_at"])
