"""The service of pages: what people look at, and the documents of the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

import grpc.aio
from google.api.httpbody_pb2 import HttpBody

from polydesk.api.v1 import page_pb2 as pb
from polydesk.api.v1 import page_pb2_grpc
from polydesk.domain.errors import NotFound
from polydesk.wire import clip

Context = grpc.aio.ServicerContext[Any, Any]
# The documents by their names; each is made when it is first asked for.
Documents = Mapping[str, Callable[[], bytes]]

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# The pages load nothing from elsewhere, run nothing that stands in them, and call this hub alone.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "
)
# Swagger UI writes styles into its elements; our own page does not, and makes no HTML of texts.
_SWAGGER: Final = f"{_POLICY}'self' 'unsafe-inline'"
_CONSOLE: Final = f"{_POLICY}'self'; require-trusted-types-for 'script'; trusted-types 'none'"
_HEADERS: Final = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
)


class PageServicer(page_pb2_grpc.PageServiceServicer):
    """Serves pages and documents, or says that there are none where an operator wants none."""

    def __init__(self, documents: Documents, *, switched_on: bool) -> None:
        self._documents = documents
        self._switched_on = switched_on

    async def GetSwaggerFile(self, request: pb.GetSwaggerFileRequest, context: Context) -> HttpBody:
        """Returns a file of the Swagger console."""
        name = "" if request.file == "ui/index" else request.file
        return await self._answer(f"swagger/{name or 'index.html'}", _SWAGGER, context)

    async def GetConsoleFile(self, request: pb.GetConsoleFileRequest, context: Context) -> HttpBody:
        """Returns a file of the desk view."""
        return await self._answer(f"console/{request.file or 'index.html'}", _CONSOLE, context)

    async def GetOpenApiDocument(
        self, request: pb.GetOpenApiDocumentRequest, context: Context
    ) -> HttpBody:
        """Returns a document, or the list of them."""
        self._check_on()
        known = {"index.json": self._index, **self._documents}
        if request.document not in known:
            names = ", ".join(known)
            raise NotFound(f"there is no {clip(request.document)}; there are: {names}")
        await context.send_initial_metadata(_headers(_CONSOLE))
        return _body(request.document, known[request.document]())

    async def _answer(self, name: str, policy: str, context: Context) -> HttpBody:
        self._check_on()
        data = pages().get(name)
        if data is None:
            raise NotFound(f"there is no page {clip(name)}")
        await context.send_initial_metadata(_headers(policy))
        return _body(name, data)

    def _index(self) -> bytes:
        return json.dumps(list(self._documents)).encode()

    def _check_on(self) -> None:
        if not self._switched_on:
            raise NotFound("this hub serves no pages: POLYDESK_PAGES is false")


@cache
def pages() -> dict[str, bytes]:
    """Reads all pages, by their names below the folder."""
    return dict(_files(resources.files("polydesk") / "pages", ""))


def _files(folder: Traversable, above: str) -> list[tuple[str, bytes]]:
    found = []
    for each in folder.iterdir():
        name = f"{above}{each.name}"
        found += _files(each, f"{name}/") if each.is_dir() else [(name, each.read_bytes())]
    return found


def _headers(policy: str) -> tuple[tuple[str, str], ...]:
    return (("content-security-policy", policy), *_HEADERS)


def _body(name: str, data: bytes) -> HttpBody:
    suffix = name[name.rindex(".") :] if "." in name else ""
    return HttpBody(content_type=_TYPES.get(suffix, "application/octet-stream"), data=data)
