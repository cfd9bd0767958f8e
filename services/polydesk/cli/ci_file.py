"""A CSV file of CIs: its columns bear the names of the contract's fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from polydesk.cli.failure import Failure
from polydesk.cli.table import Table

TEXTS: Final = (
    "host_name",
    "display_name",
    "management_ip",
    "firmware_version",
    "type",
    "manufacturer",
    "model",
    "location",
    "sub_category",
    "component_category",
    "product",
    "environment",
    "criticality",
    "deployment",
)
COLUMNS: Final = tuple(f"column{number}" for number in range(1, 6))
NAMES: Final = (*TEXTS, "group", "tasks", *COLUMNS)


def read_cis(path: Path, org: int, *, group: int = 0) -> Iterator[dict[str, Any]]:
    """Yields the fields of the CI of each row; `group` is that of rows that name none."""
    table = Table(path, delimiter=",", encoding="utf-8-sig")
    _check_head(table.head(), has_group=bool(group))
    for line in table.rows():
        said = {name: line.row.get(name, "").strip() for name in NAMES}
        id_ = said["group"] or str(group or "")
        if not id_.isdecimal():
            raise Failure(f"line {line.number} of {path} names no group: one is a number, as 3")
        columns = [said[name] for name in COLUMNS]
        while columns and not columns[-1]:
            columns.pop()
        yield {name: said[name] for name in TEXTS} | {
            "group": f"orgs/{org}/ciGroups/{int(id_)}",
            "tasks": [task.strip() for task in said["tasks"].split(";") if task.strip()],
            "columns": columns,
        }


def _check_head(head: Collection[str], *, has_group: bool) -> None:
    if unknown := [name for name in head if name not in NAMES]:
        raise Failure(f"the file has a column {unknown[0]!r}; it may have: {', '.join(NAMES)}")
    needed = ("host_name",) if has_group else ("host_name", "group")
    if missing := [name for name in needed if name not in head]:
        raise Failure(f"the file has no column {missing[0]!r}")
