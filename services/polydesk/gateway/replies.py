"""What Envoy answers by itself: every refusal of its own, in the words of the path's owner."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polydesk.dialects import Dialect
from polydesk.domain.errors import (
    Invalid,
    Overloaded,
    PolydeskError,
    TimedOut,
    TooLarge,
    Unavailable,
    UnknownRoute,
    WrongMethod,
)
from polydesk.gateway.routes import Route
from polydesk.rpc.errors import canonical
from polydesk.wire import REQUEST_ID, SOUND_ID, TRANSACTION, Blank

AGAIN = (("retry-after", "1"),)
OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
# When the request came; Envoy keeps UTC.
NOW = "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a REST client gets: paths with the same reply share one entry of the configuration."""

    http: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()

    def mappers(self, when: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Has Envoy answer so when the filter holds, under the id that the request has."""
        if Blank.REQUEST_ID.value in self.body + str(self.headers):
            named = _header(TRANSACTION, regex(SOUND_ID))
            yield self._mapper(_all(when, named), request_id=f"%REQ({TRANSACTION})%")
        yield self._mapper(when, request_id=f"%REQ({REQUEST_ID})%")

    def _mapper(self, when: dict[str, Any], *, request_id: str) -> dict[str, Any]:
        commands = {Blank.REQUEST_ID: request_id, Blank.TIME: NOW}
        return {
            "filter": when,
            "status_code": self.http,
            "headers_to_add": [
                {
                    "header": {"key": key, "value": _formatted(value, commands)},
                    "append_action": OVERWRITE,
                }
                for key, value in self.headers
            ],
            "body_format_override": {
                # Not json_format: it sorts the keys.
                "text_format_source": {"inline_string": _formatted(self.body, commands)},
                "content_type": "application/json",
            },
        }


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A reply that Envoy makes by itself: when it does, and what is wrong."""

    when: dict[str, Any]
    error: PolydeskError
    headers: tuple[tuple[str, str], ...] = ()
    http: int = 0

    def reply(self, owner: Dialect | None = None, rpc: str = "") -> Reply:
        """Words it as the owner of the path does."""
        refusal = owner.refuse(self.error, rpc) if owner else canonical(self.error)
        marked = refusal.filled({blank: blank.value for blank in Blank})
        body = json.dumps(marked.body, separators=(",", ":"))
        headers = (*self.headers, *((name, str(said)) for name, said in marked.headers.items()))
        return Reply(http=self.http or refusal.http, body=body, headers=headers)


def _formatted(text: str, commands: Mapping[Blank, str]) -> str:
    """Writes a text as Envoy formats it: there `%` begins a command."""
    text = text.replace("%", "%%")
    for blank, command in commands.items():
        text = text.replace(blank.value, command)
    return text


def _status(comparison: str, status: int) -> dict[str, Any]:
    # The key would allow an override at run time; Envoy insists on one.
    value = {"default_value": status, "runtime_key": "polydesk.unused"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def _all(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"and_filter": {"filters": list(filters)}} if filters[1:] else filters[0]


def _any(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"or_filter": {"filters": list(filters)}} if filters[1:] else filters[0]


def regex(expression: str) -> dict[str, Any]:
    """Matches a whole text."""
    return {"safe_regex": {"regex": expression}}


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"header_filter": {"header": {"name": name, "string_match": match}}}


def _absent(name: str) -> dict[str, Any]:
    return {"header_filter": {"header": {"name": name, "present_match": False}}}


# What is no HTTP has no path, so no dialect owns it.
BROKEN = (
    Fault(
        when=_all(_status("EQ", 400), _absent(":path")),
        error=Invalid("the request is not HTTP as RFC 9110 has it: encode what stands in the URL"),
    ),
    Fault(
        when=_status("EQ", 431),
        error=TooLarge("the request's headers are larger than 60 KiB: send less at once"),
        http=431,
    ),
)

FAULTS = (
    Fault(
        when=_status("EQ", 400),
        error=Invalid(
            "the body or a parameter is not what this route takes: send JSON as documented"
        ),
    ),
    Fault(
        when=_status("EQ", 404),
        error=UnknownRoute("there is no such path: compare it with the documented routes"),
    ),
    Fault(
        when=_status("EQ", 413),
        error=TooLarge("the request's body is larger than 16 MiB: send less at once"),
    ),
    Fault(
        when=_status("EQ", 429),
        error=Overloaded("too many requests: try again after a second"),
        headers=AGAIN,
    ),
    Fault(
        when=_any(_status("EQ", 504), _status("EQ", 408)),
        error=TimedOut("the answer took too long: look whether the request had an effect"),
    ),
    Fault(
        when=_status("GE", 500),
        error=Unavailable("the hub cannot be reached: try again later"),
        headers=AGAIN,
    ),
)


def local_replies(routes: Sequence[Route], dialects: Iterable[Dialect]) -> Iterator[dict[str, Any]]:
    """Yields what Envoy says in which case; it takes the first that matches."""
    # gRPC clients get Envoy's own text as grpc-message. A translated REST request looks like gRPC
    # by then, but for the header that the transcoder leaves.
    yield {
        "filter": _all(
            _header("content-type", {"prefix": "application/grpc"}),
            _absent("x-envoy-original-path"),
        ),
        "body_format_override": {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}},
    }
    yield from _probes()
    for fault in BROKEN:
        yield from fault.reply().mappers(fault.when)
    owners = {dialect.SERVICE: dialect for dialect in dialects}
    yield from _wrong_verbs(routes, owners)
    for fault in FAULTS:
        yield from _on_routes(fault, routes, owners)
        yield from _below_prefixes(fault, owners.values())
        yield from fault.reply().mappers(fault.when)


def _probes() -> Iterator[dict[str, Any]]:
    """Yields what load balancers are told: by the status, and in a word for people."""
    probed = _header(":path", regex("/(healthz|readyz)"))
    for status, told in ((200, "ok"), (503, "out of service, or no hub answers")):
        yield {
            "filter": _all(_status("EQ", status), probed),
            "body_format_override": {"text_format_source": {"inline_string": f"{told}\n"}},
        }


def _wrong_verbs(
    routes: Sequence[Route], owners: Mapping[str, Dialect]
) -> Iterator[dict[str, Any]]:
    """Yields 405 for the known paths: the transcoder says 404 there only when no verb fits."""
    replies = []
    for route in {route.path: route for route in reversed(routes)}.values():
        allow = ", ".join(sorted({each.verb for each in routes if _covers(each.path, route.path)}))
        error = WrongMethod(f"this path takes {allow} only")
        fault = Fault(when=_status("EQ", 404), error=error, headers=(("allow", allow),))
        replies.append((fault.reply(owners.get(route.service), route.rpc), route))
    for reply, found in _grouped(replies):
        other = _header(":method", regex(dict(reply.headers)["allow"].replace(", ", "|")))
        other["header_filter"]["header"]["invert_match"] = True
        yield from reply.mappers(_all(_status("EQ", 404), other, _paths(found)))


def _on_routes(
    fault: Fault, routes: Sequence[Route], owners: Mapping[str, Dialect]
) -> Iterator[dict[str, Any]]:
    """Yields the words of each dialect's methods, before and after the transcoder."""
    owned = [route for route in routes if route.service in owners]
    replies = [(fault.reply(owners[route.service], route.rpc), route) for route in owned]
    for reply, found in _grouped(replies):
        names = {re.escape(f"/{route.service}/{route.rpc}") for route in found}
        rest = [
            _all(_header(":method", {"exact": verb}), _paths(same))
            for verb in sorted({route.verb for route in found})
            if (same := [route for route in found if route.verb == verb])
        ]
        translated = _header(":path", regex("|".join(sorted(names))))
        yield from reply.mappers(_all(fault.when, _any(translated, *rest)))


def _below_prefixes(fault: Fault, owners: Iterable[Dialect]) -> Iterator[dict[str, Any]]:
    """Yields the words for what no method owns: the longest prefix speaks."""
    prefixes = [
        (prefix.rstrip("/"), fault.reply(owner, rpc))
        for owner in owners
        for prefix, rpc in owner.PREFIXES.items()
    ]
    for prefix, reply in sorted(
        [*prefixes, ("/desk", fault.reply())], key=lambda each: -len(each[0])
    ):
        below = _header(":path", regex(_pattern(prefix) + r"([/?].*)?"))
        yield from reply.mappers(_all(fault.when, below))


def _grouped(replies: Iterable[tuple[Reply, Route]]) -> Iterator[tuple[Reply, list[Route]]]:
    """Joins the routes of one reply, the more specific routes before the more general."""
    groups: dict[tuple[int, Reply], list[Route]] = {}
    for reply, route in replies:
        groups.setdefault((route.variables, reply), []).append(route)
    for (_, reply), found in sorted(groups.items(), key=lambda item: item[0][0]):
        yield reply, found


def _paths(routes: Iterable[Route]) -> dict[str, Any]:
    paths = sorted({route.path for route in routes})
    patterns = "|".join(map(_pattern, paths))
    return _header(":path", regex(f"({patterns})/?(\\?.*)?"))


def _pattern(path: str) -> str:
    """Returns the expression of a path or a prefix: `*` is any one segment, `**` any of them."""
    return re.escape(path).replace(r"\*\*", "[^?]*").replace(r"\*", "[^/?]+")


def _covers(general: str, path: str) -> bool:
    """Tells whether every request for `path` also fits `general`; `*` never takes a `:verb`."""
    return general.count("/") == path.count("/") and all(
        one == other or (one == "*" and ":" not in other)
        for one, other in zip(general.split("/"), path.split("/"), strict=True)
    )
