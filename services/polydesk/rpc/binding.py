"""The query of a REST call may not say again, or otherwise, what its path or body says.

Envoy lets `?orgentityid=8` override the 7 of the path; its own switches do not stop it.
"""

from __future__ import annotations

from urllib.parse import unquote_plus

from polydesk.domain.errors import Invalid
from polydesk.rpc.method import Method


def check_query(method: Method, path: str) -> None:
    """Raises Invalid for a query parameter that the path or the body fills."""
    _, _, query = path.partition("?")
    for pair in query.split("&") if query else ():
        name = unquote_plus(pair.partition("=")[0]).strip().partition(".")[0]
        if name in method.bound:
            raise Invalid(
                f"{name} stands in the path or the body: leave it out of the query", field=name
            )
