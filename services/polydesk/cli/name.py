"""The names of records on the command line, where some of a name goes without saying."""

from __future__ import annotations

from polydesk.cli.failure import Failure


def name_in(collection_or_id: str, collection: str) -> str:
    """Returns the name of a record in a collection: of `42`, `tickets/42` or `incidents/42`."""
    prefix, _, id_ = collection_or_id.rpartition("/")
    if prefix not in ("", "tickets", "incidents") or not id_.isdecimal():
        raise Failure(f"{collection_or_id!r} is no name, such as {collection}/42")
    return f"{collection}/{id_}"


def child_in(name: str, collection: str) -> str:
    """Returns the name of what a ticket has: of `tickets/42/notes/7` or `incidents/42/notes/7`."""
    match name.split("/"):
        case ["tickets" | "incidents", ticket, child, id_] if (
            child == collection and ticket.isdecimal() and id_.isdecimal()
        ):
            return f"tickets/{ticket}/{collection}/{id_}"
        case _:
            raise Failure(f"{name!r} is no name, such as tickets/42/{collection}/7")
