"""The two ways to the canonical API, so that one story is played on both: gRPC, and REST.

Both take and answer JSON as the contracts have it. The REST way builds each call from the
`google.api.http` rule of its method, as a client generator would.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import grpc
import grpc.aio
from google.api import annotations_pb2, httpbody_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import code_pb2

from polydesk.api.v1 import attachment_pb2
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from tests.stack import Rest

Json = dict[str, Any]
VARIABLE: Final = re.compile(r"{([a-z_.]+)(?:=[^}]*)?}")


class Refused(Exception):
    """What the hub refused: the name of the gRPC code, and its words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Way(ABC):
    """Calls the API; methods are named as in `IncidentService.CreateIncident`."""

    @abstractmethod
    async def call(self, method: str, request: Json) -> Json:
        """Calls a method."""

    @abstractmethod
    def listen(self, method: str, request: Json) -> AsyncIterator[Json]:
        """Yields what a method answers, as it comes."""

    @abstractmethod
    async def upload(self, ticket: str, file_name: str, data: bytes) -> Json:
        """Attaches a text file."""

    @abstractmethod
    async def download(self, attachment: str) -> bytes:
        """Returns the bytes of an attachment."""


class NativeWay(Way):
    """Speaks gRPC."""

    def __init__(self, channel: grpc.aio.Channel, headers: tuple[tuple[str, str], ...]) -> None:
        self._channel = channel
        self._headers = headers

    async def call(self, method: str, request: Json) -> Json:
        found = named(method)
        call = self._channel.unary_unary(
            path(found), request_serializer=serialize, response_deserializer=answer(found)
        )
        try:
            return dict_of(await call(message(found, request), metadata=self._headers))
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code().name, error.details() or "") from error

    async def listen(self, method: str, request: Json) -> AsyncIterator[Json]:
        found = named(method)
        call = self._channel.unary_stream(
            path(found), request_serializer=serialize, response_deserializer=answer(found)
        )
        async for event in call(message(found, request), metadata=self._headers):
            yield dict_of(event)

    async def upload(self, ticket: str, file_name: str, data: bytes) -> Json:
        async def pieces() -> AsyncIterator[attachment_pb2.UploadAttachmentRequest]:
            body = httpbody_pb2.HttpBody(content_type="text/plain", data=data)
            yield attachment_pb2.UploadAttachmentRequest(
                parent=ticket, file_name=file_name, data=body
            )

        stub = AttachmentServiceStub(self._channel)
        return dict_of(await stub.UploadAttachment(pieces(), metadata=self._headers))

    async def download(self, attachment: str) -> bytes:
        request = attachment_pb2.DownloadAttachmentRequest(name=attachment)
        stub = AttachmentServiceStub(self._channel)
        answers = stub.DownloadAttachment(request, metadata=self._headers)
        return b"".join([piece.data async for piece in answers])


class RestWay(Way):
    """Speaks HTTP."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._rest = Rest(session, port)

    async def call(self, method: str, request: Json) -> Json:
        verb, url, body = http_call(method, request)
        answered = await self._rest.request(verb, url, data=body and json.dumps(body))
        said: Json = answered.json()
        if answered.status != 200:
            raise Refused(code_pb2.Code.Name(said["code"]), said["message"])
        return said

    async def listen(self, method: str, request: Json) -> AsyncIterator[Json]:
        _, url, _ = http_call(method, request)
        accepting = {"Accept": "application/x-ndjson"}
        async with self._rest.stream(url, headers=accepting) as lines:
            async for line in lines:
                yield json.loads(line)

    async def upload(self, ticket: str, file_name: str, data: bytes) -> Json:
        url = f"/desk/v1/{ticket}/attachments?fileName={quote(file_name)}"
        headers = {"Content-Type": "text/plain"}
        said: Json = (await self._rest.request("POST", url, data=data, headers=headers)).json()
        return said

    async def download(self, attachment: str) -> bytes:
        return (await self._rest.request("GET", f"/desk/v1/{attachment}:download")).body


def named(method: str) -> MethodDescriptor:
    """Returns a method of the canonical contracts."""
    return descriptor_pool.Default().FindMethodByName(f"polydesk.api.v1.{method}")


def path(method: MethodDescriptor) -> str:
    """Returns the path of a method in gRPC."""
    return f"/{method.containing_service.full_name}/{method.name}"


def message(method: MethodDescriptor, request: Json) -> Any:
    """Returns the message of a request."""
    return ParseDict(request, message_factory.GetMessageClass(method.input_type)())


def serialize(request: Any) -> bytes:
    """Returns the bytes of a message."""
    data: bytes = request.SerializeToString()
    return data


def answer(method: MethodDescriptor) -> Any:
    """Returns what reads the answers of a method."""
    return message_factory.GetMessageClass(method.output_type).FromString


def dict_of(answered: Any) -> Json:
    """Returns a message as REST has it."""
    return MessageToDict(answered, always_print_fields_with_no_presence=True)


def http_call(method: str, request: Json) -> tuple[str, str, Any]:
    """Returns the verb, the URL and the body of a call, by the rule of the contract."""
    found = named(method)
    options: Any = found.GetOptions()
    rule = options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    left = json.loads(json.dumps(request))
    url = VARIABLE.sub(lambda match: quote(take(left, match[1])), getattr(rule, verb))
    body = left if rule.body == "*" else left.pop(camel(rule.body), None) if rule.body else None
    query = "" if rule.body == "*" else urlencode(list(pairs(left)))
    return verb.upper(), f"{url}?{query}" if query else url, body


def take(request: Json, variable: str) -> str:
    """Takes the value of a path variable out of a request."""
    *outer, last = map(camel, variable.split("."))
    for name in outer:
        request = request[name]
    return str(request.pop(last))


def pairs(request: Json) -> Iterator[tuple[str, str]]:
    """Yields the parameters of a query."""
    for name, value in request.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each).lower() if isinstance(each, bool) else str(each)


def camel(name: str) -> str:
    """Returns the JSON name of a field."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
