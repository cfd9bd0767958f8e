"""The tables as they are at the head of the migrations; a test holds the two together.

Texts compare by their bytes in both engines. Documents are text on SQLite and, on PostgreSQL,
json rather than jsonb: it gives back what was written, letter for letter.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData()
# An INTEGER primary key is SQLite's own row id, a BIGINT one is an index beside it.
_ID: Final = BigInteger().with_variant(Integer, "sqlite")
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_DOCUMENT: Final = Text().with_variant(JSON, "postgresql")

orgs: Final = Table(
    "orgs",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("document", _DOCUMENT, nullable=False),
)
accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("login", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    UniqueConstraint("login", name="accounts_login"),
)
api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", _ID, ForeignKey("accounts.id", name="api_keys_account"), nullable=False),
    Column("label", _TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
counters: Final = Table(
    "counters",
    metadata,
    Column("name", _TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
tickets: Final = Table(
    "tickets",
    metadata,
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
    Column("deleted_at", BigInteger),
    # The number before the kind: it is looked for without a kind, too.
    Index("tickets_number", "org", "number", "kind", unique=True),
    Index("tickets_id", "org", "id"),
    Index("tickets_sys_id", "org", "sys_id", "id"),
    Index("tickets_opened_at", "org", "opened_at", "id"),
    Index("tickets_modified_at", "org", "modified_at", "id"),
    Index("tickets_created_at", "org", "created_at", "id"),
    Index("tickets_updated_at", "org", "updated_at", "id"),
)
notes: Final = Table(
    "notes",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("ticket", BigInteger, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("notes_ticket", "ticket", "id"),
)
links: Final = Table(
    "links",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("system", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("ticket", BigInteger, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    # The ticket last: what is looked up comes in the order of the tickets.
    Index("links_key", "org", "system", "key", "ticket", unique=True),
    Index("links_ticket", "ticket", "id"),
)
attachments: Final = Table(
    "attachments",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("ticket", BigInteger, nullable=False),
    Column("sha256", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("attachments_ticket", "ticket", "id"),
    Index("attachments_sha256", "sha256", "id"),
)
secrets: Final = Table(
    "secrets",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    # Last, because it may be long.
    Column("sealed", LargeBinary, nullable=False),
    Index("secrets_name", "org", "name", unique=True),
    Index("secrets_id", "org", "id"),
)
pending_files: Final = Table(
    "pending_files",
    metadata,
    Column("reference", _TEXT, primary_key=True),
    Column("org", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("pending_files_expires_at", "expires_at"),
)
people: Final = Table(
    "people",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("people_key", "org", "key", unique=True),
    Index("people_id", "org", "id"),
)
locations: Final = Table(
    "locations",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("locations_key", "org", "key", unique=True),
    Index("locations_id", "org", "id"),
)
shelf: Final = Table(
    "shelf",
    metadata,
    Column("org", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", _TEXT, primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    UniqueConstraint("org", "kind", "name", name="shelf_name"),
)
runs: Final = Table(
    "runs",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("runbook", BigInteger, nullable=False),
    Column("ticket", BigInteger, nullable=False),
    Column("key", _TEXT),
    Column("wake_at", BigInteger),
    Column("schedule", BigInteger, nullable=False),
    Column("deadline", BigInteger),
    Column("cancelling", Integer, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("runs_org", "org", "id"),
    Index("runs_state", "state", "id"),
    Index("runs_ticket", "ticket", "id"),
    Index("runs_key", "org", "key", unique=True),
    Index("runs_wake_at", "wake_at", "id"),
    Index("runs_schedule", "org", "schedule", "state", "id"),
    Index("runs_deadline", "deadline", "id"),
)
plans: Final = Table(
    "plans",
    metadata,
    Column("run", _ID, primary_key=True, autoincrement=False),
    Column("document", _DOCUMENT, nullable=False),
)
lines: Final = Table(
    "lines",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("node", _TEXT, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("stream", _TEXT, nullable=False),
    Column("cut", Integer, nullable=False),
    Column("text", _TEXT, nullable=False),
)
tails: Final = Table(
    "tails",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("node", _TEXT, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", _TEXT, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
)
workers: Final = Table(
    "workers",
    metadata,
    Column("id", _TEXT, primary_key=True),
    Column("machine", _TEXT, nullable=False),
    Column("beat", BigInteger, nullable=False),
)
ci_groups: Final = Table(
    "ci_groups",
    metadata,
    Column("org", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("ci_groups_name", "org", "name", unique=True),
)
cis: Final = Table(
    "cis",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("org", BigInteger, nullable=False),
    Column("ci_group", BigInteger, nullable=False),
    # In one letter case, as hosts are compared.
    Column("host", _TEXT, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    # The group last: a host is looked for in all groups, too.
    Index("cis_host", "org", "host", "ci_group", unique=True),
    Index("cis_id", "org", "id"),
    Index("cis_ci_group", "org", "ci_group", "id"),
)
ci_tasks: Final = Table(
    "ci_tasks",
    metadata,
    Column("ci", BigInteger, primary_key=True, autoincrement=False),
    Column("task", _TEXT, primary_key=True),
)
ci_statuses: Final = Table(
    "ci_statuses",
    metadata,
    Column("ci", BigInteger, primary_key=True, autoincrement=False),
    Column("task", _TEXT, primary_key=True),
    Column("schedule", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, nullable=False),
    Column("org", BigInteger, nullable=False),
    Column("ci_group", BigInteger, nullable=False),
    Column("document", _DOCUMENT, nullable=False),
    Index("ci_statuses_id", "org", "id"),
)
schedules: Final = Table(
    "schedules",
    metadata,
    Column("org", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("next_due", BigInteger),
    Column("document", _DOCUMENT, nullable=False),
    Index("schedules_next_due", "next_due", "org", "id"),
)
latest: Final = Table(
    "latest",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("ticket", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
history: Final = Table(
    "history",
    metadata,
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
    Index("history_ticket", "ticket", "sequence"),
    # For who follows the tickets of an org: what belongs to no ticket is not in their way.
    Index(
        "history_org",
        "org",
        "sequence",
        sqlite_where=text("ticket <> 0"),
        postgresql_where=text("ticket <> 0"),
    ),
)
once: Final = Table(
    "once",
    metadata,
    Column("actor", _TEXT, primary_key=True),
    Column("key", _TEXT, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("answer", _DOCUMENT, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("once_expires_at", "expires_at"),
)
