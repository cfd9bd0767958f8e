"""Resource names (AIP-122): `orgs/7`, `tickets/42`."""

from __future__ import annotations

import re
from typing import Final

from polydesk.domain.errors import Invalid, NotFound

_HIGHEST: Final = 2**31 - 1


def id_of(name: str, collection: str, *, field: str = "name") -> int:
    """Returns the id in a name of a collection."""
    match = re.fullmatch(rf"{collection}/([0-9]+)", name, re.ASCII)
    if match is None:
        raise Invalid(f"{name or 'the name'} is not of the form {collection}/42", field=field)
    if len(match[1]) > len(str(_HIGHEST)) or int(match[1]) > _HIGHEST:
        raise NotFound(f"there is no {name}")
    return int(match[1])


def org_of(name: str) -> int:
    """Returns the id in the name of an org."""
    return id_of(name, "orgs")


def child_of(name: str, collection: str, child: str, *, field: str = "name") -> tuple[int, int]:
    """Returns the ids in `tickets/42/notes/7`: of the parent, and of the child."""
    parent, slash, rest = name.partition(f"/{child}/")
    if not slash:
        raise Invalid(
            f"{name or 'the name'} is not of the form {collection}/42/{child}/7", field=field
        )
    return id_of(parent, collection, field=field), id_of(f"{child}/{rest}", child, field=field)


def secret_of(name: str, *, field: str = "name") -> tuple[int, str]:
    """Returns the org and the name in `orgs/7/secrets/database`."""
    org, slash, secret = name.partition("/secrets/")
    if not slash or not secret:
        raise Invalid(
            f"{name or 'the name'} is not of the form orgs/42/secrets/database", field=field
        )
    return id_of(org, "orgs", field=field), secret


def target_of(name: str) -> tuple[int, str]:
    """Returns the org and the target in `orgs/7/targets/db-1`."""
    match = re.fullmatch(r"(orgs/[0-9]+)/targets/([^/]+)", name, re.ASCII)
    if match is None:
        raise Invalid(f"{name or 'the name'} is not of the form orgs/42/targets/db-1", field="name")
    return org_of(match[1]), match[2]
