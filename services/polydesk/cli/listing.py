"""What commands print: a table in a terminal, plain columns in a pipe, lines of JSON on demand."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message

Row = Mapping[str, str]
_GAP = "  "
_LONGEST_PAGE = 200


async def show_items(
    items: AsyncIterator[Any],
    row_of: Callable[[Any], Row],
    *,
    limit: int,
    none: str,
    as_lines: bool,
) -> None:
    """Prints a list as far as the limit says: rows, or JSON a line as it comes."""
    if as_lines:
        async for each in first(items, limit):
            show_json(each)
        return
    show_rows([row_of(each) async for each in first(items, limit)], none=none)


def show_rows(rows: Sequence[Row], *, none: str) -> None:
    """Prints rows under the names of their columns; `none` says that there is none."""
    if not rows:
        typer.echo(f"polydesk: {none}", err=True)
    elif sys.stdout.isatty():
        _show_table(rows)
    else:
        _show_columns(rows)


def show_fields(fields: Row) -> None:
    """Prints names and values, a line each; a value of several lines is indented."""
    width = max(map(len, fields))
    for name, value in fields.items():
        lines = [printable(line) for line in value.splitlines()] or [""]
        typer.echo(f"{name:<{width}}{_GAP}{lines[0]}".rstrip())
        for line in lines[1:]:
            typer.echo(f"{'':<{width}}{_GAP}{line}".rstrip())


def show_json(message: Message | Mapping[str, Any]) -> None:
    """Prints a message in one line, as REST answers it."""
    value = message if isinstance(message, Mapping) else as_json(message)
    typer.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def as_json(message: Message) -> dict[str, Any]:
    """Returns a message as REST answers it."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - keeps --help quick

    return MessageToDict(message, always_print_fields_with_no_presence=True)


def page_size(limit: int) -> int:
    """Returns how many a page has, where so many are wanted, and whether there is one more."""
    return min(limit + 1 if limit else _LONGEST_PAGE, _LONGEST_PAGE)


async def items_of(method: Callable[[Any], Any], request: Any, field: str) -> AsyncIterator[Any]:
    """Yields what a List method has in a field of its pages."""
    from polydesk.client import pages  # noqa: PLC0415 - keeps --help quick

    async for page in pages(method, request):
        for item in getattr(page, field):
            yield item


async def first(items: AsyncIterator[Any], limit: int) -> AsyncIterator[Any]:
    """Yields as many items as the limit says, and tells of more; all where it is 0."""
    count = 0
    async for item in items:
        if limit and count == limit:
            typer.echo(f"polydesk: these are the first {limit}; --limit 0 lists all", err=True)
            return
        yield item
        count += 1


def printable(text: str) -> str:
    """Returns a text that moves no cursor and colours nothing, whoever wrote it."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _show_columns(rows: Sequence[Row]) -> None:
    heads = list(rows[0])
    lines = [heads, *([printable(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        typer.echo(_GAP.join(cells).rstrip())


def _show_table(rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row.values()))
    Console().print(table)
