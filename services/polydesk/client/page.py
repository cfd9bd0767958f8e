"""Lists, page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

Request = TypeVar("Request", bound=Any)
Response = TypeVar("Response", bound=Any)


async def pages(
    method: Callable[[Request], Awaitable[Response]], request: Request
) -> AsyncIterator[Response]:
    """Yields the pages of any List method, from the one asked for on."""
    asked = type(request)()
    asked.CopyFrom(request)
    while True:
        page = await method(asked)
        yield page
        if not page.next_page_token:
            return
        asked.page_token = page.next_page_token
