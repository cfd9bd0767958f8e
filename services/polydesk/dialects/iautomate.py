"""HCL iAutomate (BigFix Runbook AI), seed 004: pushes, reads, ticket statuses, tokens.

V1 (`/iAutomateAPI`) and V2 (`/v2`) differ in their envelopes and in how many Cols they have; a
push through V1 says nothing of Col6 to Col20. A push states a whole ticket: what it leaves out is
empty afterwards. Offsets are GMT minus local time (-330 is India), all dates come out in GMT.
Filters carry their operators in the keys of the query (`start_date>=...`), so that the query is
read as the client wrote it. start_date and end_date are two names for bounds on CreationDate.
StatusCode is free text: it is kept verbatim and answered as long as nobody else moved the ticket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

import grpc.aio
import msgspec
from google.protobuf import struct_pb2

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1 import iautomate_pb2_grpc as pb_grpc
from polydesk.domain import errors
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing, NotFound, PolydeskError
from polydesk.domain.query import FIELDS, All, Comparison, Operator, Query
from polydesk.domain.ticket import (
    LONGEST_NAME,
    MOST_ROWS,
    Draft,
    Execution,
    Kind,
    State,
    Ticket,
    check_text,
)

SERVICE: Final = "polydesk.api.iautomate.v1.IAutomateService"
PREFIXES: Final[Mapping[str, str]] = {
    "/v2/incident/": "GetIncidentsV2",
    "/v2/event/": "GetEventStatus",
    "/iAutomateAPI/": "GetIncidentsV1",
    "/token": "IssueToken",
}

Context = grpc.aio.ServicerContext[Any, Any]
Pushed = pb.PushedIncidentV1 | pb.PushedIncidentV2
Read = TypeVar("Read", bound=pb.IncidentV1 | pb.IncidentV2)
Value = TypeVar("Value")

EXTRA: Final = "iautomate"
BEARER: Final = "bearer"
GMT: Final = wire.TimeFormat(" ", "milliseconds")
_NULL: Final = struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
LONGEST_QUERY: Final = 16_384
MOST_TERMS: Final = 20

# "ModuleId=1 for Incident Management and ModuleId=9 for Event Management", table 2.
MODULES: Final = {"1": Kind.INCIDENT, "9": Kind.EVENT}

# StatusCode is "status of ticket", sample "1", and no more is said of it. The guide's tickets come
# from ServiceNow (sys_id), so its numbers and labels are known here; 4 and 5 are its older ones.
STATES: Final = {
    "1": State.LOGGED,
    "new": State.LOGGED,
    "open": State.LOGGED,
    "2": State.ACTIVE,
    "active": State.ACTIVE,
    "in progress": State.ACTIVE,
    "work in progress": State.ACTIVE,
    "3": State.WAITING,
    "4": State.WAITING,
    "5": State.WAITING,
    "on hold": State.WAITING,
    "pending": State.WAITING,
    "6": State.RESOLVED,
    "resolved": State.RESOLVED,
    "7": State.CLOSED,
    "closed": State.CLOSED,
    "8": State.CANCELLED,
    "canceled": State.CANCELLED,
    "cancelled": State.CANCELLED,
}
_WAITING: Final = "awaiting "  # "Awaiting User Info", "Awaiting Vendor" and so on
CODES: Final = {
    State.LOGGED: "1",
    State.ACTIVE: "2",
    State.WAITING: "3",
    State.RESOLVED: "6",
    State.CLOSED: "7",
    State.CANCELLED: "8",
}

# The guide prints "Data Collected" and "Move to Parsing" (tables 72 to 75); the others are those of
# table 5 of the product's user guide 6.5.1.
EXECUTIONS: Final = {
    Execution.DATA_COLLECTED: "Data Collected",
    Execution.PICKED_FOR_RECOMMENDATION: "Picked for Recommendation",
    Execution.MOVE_TO_PARSING: "Move to Parsing",
    Execution.PICKED_FOR_PARSING: "Picked for Parsing",
    Execution.PICKED_FOR_IN_PROGRESS: "Picked for InProgress",
    Execution.MOVE_TO_ASSIGNATION_DECISION: "Move to Assignation Decision",
    Execution.MARKED_FOR_EXECUTION: "Marked for Execution",
    Execution.SUCCESSFUL_AND_MARKED_FOR_CLOSURE: "Execution Successful and Marked for Closure",
    Execution.MARKED_FOR_RELEASE: "Marked for Release",
}

# Fields of the record, and of the contract. The contract has the vendor's names as JSON names.
TEXTS: Final = {
    "number": "ticket_number",
    "summary": "summary",
    "description": "description",
    "sys_id": "sys_id",
    "assignment_group": "assigned_group",
}
TIMES: Final = {"opened_at": "creation_date", "modified_at": "last_modified_date"}
# Blanks around these are masking residue of the guide ("XXXXXXXX "); other texts stay as they came.
TRIMMED: Final = frozenset({"number", "sys_id", "assignment_group"})
# Here a blank says as little as nothing.
CODED: Final = (
    "ticket_number",
    "sys_id",
    "status_code",
    *TIMES.values(),
    "is_time_zone_or_offset",
    "is_epoch",
    "module_id",
)
LABELS: Final = {field.name: field.json_name for field in pb.PushedIncidentV2.DESCRIPTOR.fields}
VENDOR_NAMES: Final = {name: LABELS[field] for name, field in (TEXTS | TIMES).items()}
COLS: Final[Mapping[type, Mapping[str, str]]] = {
    message: {
        field.json_name: field.name
        for field in message.DESCRIPTOR.fields
        if field.name.startswith("col")
    }
    for message in (pb.PushedIncidentV1, pb.PushedIncidentV2, pb.IncidentV1, pb.IncidentV2)
}
_OFFSET: Final = re.compile(r"[+-]?[0-9]{1,4}")

# Filters, table 23. limit, offset, modified_date and updated_date are the hub's own.
EQUAL: Final[tuple[Operator, ...]] = ("=",)
ORDERED: Final[tuple[Operator, ...]] = (">=", "<=", ">", "<", "=")
FILTERS: Final[Mapping[str, tuple[str, tuple[Operator, ...]]]] = {
    "start_date": ("opened_at", ORDERED),
    "end_date": ("opened_at", ORDERED),
    "modified_date": ("modified_at", ORDERED),
    "updated_date": ("updated_at", ORDERED),
    "ticket_number": ("number", EQUAL),
    "assignment_group": ("assignment_group", EQUAL),
    "sys_id": ("sys_id", EQUAL),
    "moduleid": ("kind", EQUAL),
    "limit": ("limit", EQUAL),
    "offset": ("offset", EQUAL),
}
PAGING: Final = {"limit": (1, MOST_ROWS), "offset": (0, 10**9)}
ORDER: Final = ("updated_at", "number")
_TERM: Final = re.compile(r"([A-Za-z_]++)\s*+(!=|>=|<=|>|<|=)(.*)", re.DOTALL)
_QUERY_PARAMS: Final = re.compile(r"(?:^|&)(?: |\+|%20)*+queryParams=", re.IGNORECASE)
_FORM: Final = 'it takes {"filter":"ticket_number=..."}'

# HTTP statuses of errors. V1 writes them into statusCode, but for its own 300, "Error" (table 6):
# a sound request that cannot be done, which travels with HTTP 409.
STATUSES: Final[Mapping[type[PolydeskError], int]] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.WrongMethod: 405,
    errors.Conflict: 409,
    errors.Exists: 409,
    errors.WrongState: 409,
    errors.TooLarge: 413,
    errors.Overloaded: 429,
    errors.PolydeskError: 500,
    errors.Unavailable: 503,
    errors.TimedOut: 504,
}
V1_CODES: Final = {409: 300}
OAUTH: Final = {
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
    504: "temporarily_unavailable",
}


class Term(msgspec.Struct, frozen=True):
    """One filter: the field of the record it is about, and its name as the client said it."""

    field: str
    operator: Operator
    value: str
    said: str


class QueryParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of V2's query: {"filter": "..."}."""

    filter: str = ""


class IAutomate(pb_grpc.IAutomateServiceServicer):
    """Serves the dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def PushIncidentsV2(
        self, request: pb.PushIncidentsV2Request, _: Context
    ) -> pb.PushIncidentsV2Response:
        """Saves incidents and events: H01."""
        batch = await self._push(request.orgentityid, request.tickets)
        return pb.PushIncidentsV2Response(
            id=batch, status="Success", message="Incident data saved successfully"
        )

    async def PushIncidentsV1(
        self, request: pb.PushIncidentsV1Request, _: Context
    ) -> pb.PushIncidentsV1Response:
        """Saves incidents and events: H02."""
        batch = await self._push(request.orgentityid, request.tickets)
        return pb.PushIncidentsV1Response(
            status_code=200, status="Success", message="Success", result=batch
        )

    async def GetIncidentsV2(
        self, request: pb.GetIncidentsV2Request, _: Context
    ) -> pb.GetIncidentsV2Response:
        """Reads incidents or events: H08."""
        tickets = await self._read(request.orgentityid, request.raw_query)
        return pb.GetIncidentsV2Response(
            count=len(tickets),
            result=[from_ticket(ticket, pb.IncidentV2) for ticket in tickets],
            status="Success",
            message="Success",
        )

    async def GetIncidentsV1(
        self, request: pb.GetIncidentsV1Request, _: Context
    ) -> pb.GetIncidentsV1Response:
        """Reads incidents or events: H09."""
        tickets = await self._read(request.orgentityid, request.raw_query)
        return pb.GetIncidentsV1Response(
            status_code=200,
            status="Success",
            result=[from_ticket(ticket, pb.IncidentV1) for ticket in tickets],
        )

    async def GetIncidentStatus(
        self, request: pb.GetIncidentStatusRequest, _: Context
    ) -> pb.GetIncidentStatusResponse:
        """Tells how far automation has got with incidents: H25."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.INCIDENT)
        return pb.GetIncidentStatusResponse(
            count=len(known), result=known, status="Success", message="Success"
        )

    async def GetEventStatus(
        self, request: pb.GetEventStatusRequest, _: Context
    ) -> pb.GetEventStatusResponse:
        """Tells how far automation has got with events: H28."""
        known = await self._statuses(request.orgentityid, request.ticketnumber, Kind.EVENT)
        return pb.GetEventStatusResponse(
            count=len(known), result=known, status="Success", message="Success"
        )

    async def IssueToken(
        self, request: pb.IssueTokenRequest, context: Context
    ) -> pb.IssueTokenResponse:
        """Issues a bearer token: H18."""
        login, password = read_grant(request.form.content_type, request.form.data)
        issued = await self._desk.gatekeeper.issue_token(
            login, password, address=wire.address_of(context)
        )
        await context.send_initial_metadata((("cache-control", "no-store"),))
        return pb.IssueTokenResponse(
            access_token=issued.access_token, token_type=BEARER, expires_in=issued.expires_in
        )

    async def _push(self, orgentityid: str, tickets: Sequence[Pushed]) -> str:
        org, drafts = org_of(orgentityid), to_drafts(tickets)
        saved = await self._desk.tickets.save(wire.caller_of(), org, drafts)
        return str(saved.batch)

    async def _read(self, orgentityid: str, raw_query: str) -> list[Ticket]:
        query = read_query(raw_query)
        tickets = await self._desk.tickets.select(wire.caller_of(), org_of(orgentityid), query)
        if len(tickets) > MOST_ROWS:
            raise Invalid(
                f"more than {MOST_ROWS} tickets fit: narrow the filter, or add limit and offset"
            )
        return tickets

    async def _statuses(
        self, orgentityid: str, ticketnumber: str, kind: Kind
    ) -> list[pb.TicketStatus]:
        org, numbers = org_of(orgentityid), read_numbers(ticketnumber)
        known = await self._desk.tickets.executions(wire.caller_of(), org, kind, numbers)
        if not known:
            raise NotFound("Ticket not found")
        return [
            pb.TicketStatus(ticket_number=number, ticket_status=EXECUTIONS[execution])
            for number, execution in known
        ]


def org_of(text: str) -> int:
    """Returns the org of a path; one that is no number is as unknown as any other."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise NotFound(f"there is no org {wire.clip(text)}")
    return int(text)


def read_numbers(text: str) -> list[str]:
    """Reads "comma separated multiple input values", each of them once (table 73)."""
    numbers = dict.fromkeys(number.strip() for number in text.split(","))
    for number in numbers:
        check_text("ticketnumber", number, most=LONGEST_NAME)
    return [number for number in numbers if number]


def read_grant(content_type: str, data: bytes) -> tuple[str, str]:
    """Reads the form of H18: the API user's e-mail address and password (table 53)."""
    form = wire.read_form(content_type, data)
    for name in ("grant_type", "username", "password"):
        if not form.get(name):
            raise Missing(f"{name} is required", field=name)
        check_text(name, form[name], most=LONGEST_NAME)
        if name == "grant_type" and form[name] != "password":
            raise Invalid(f"grant_type is {wire.clip(form[name])}, it can be password", field=name)
    return form["username"], form["password"]


def to_drafts(tickets: Sequence[Pushed]) -> list[Draft]:
    """Reads a push; an error says in which item of the array it is, counted from 0."""
    return [_to_draft_at(index, ticket) for index, ticket in enumerate(tickets)]


def _to_draft_at(index: int, ticket: Pushed) -> Draft:
    try:
        return to_draft(ticket)
    except Invalid as error:
        name = VENDOR_NAMES.get(error.field, error.field)
        message = name + error.message.removeprefix(error.field)
        raise type(error)(f"{message} (item {index})", field=f"tickets[{index}].{name}") from error


def to_draft(ticket: Pushed) -> Draft:
    """Reads one pushed ticket; an error begins with the name of its field."""
    for field in CODED:
        if not getattr(ticket, field).strip():
            raise Missing(f"{LABELS[field]} is required", field=LABELS[field])
    said: dict[str, Any] = {name: getattr(ticket, field) for name, field in TEXTS.items()}
    said |= {name: said[name].strip() for name in TRIMMED}
    read = partial(
        _time,
        zone=read_zone(ticket.is_time_zone_or_offset, ticket.time_zone, ticket.time_zone_offset),
        epoch=_flag(ticket.is_epoch),
    )
    said |= {name: read(LABELS[field], getattr(ticket, field)) for name, field in TIMES.items()}
    resolved = ticket.resolved_date.strip()
    state = state_of(ticket.status_code, resolved=bool(resolved))
    return Draft(
        kind=_kind_of(ticket.module_id),
        state=state,
        resolved_at=read("ResolvedDate", resolved) if resolved else None,
        extra={EXTRA: _extra(ticket, state)},
        **said,
    )


def _extra(ticket: Pushed, state: State) -> dict[str, str]:
    """Keeps what only this dialect has; `State` is what StatusCode meant when it was pushed."""
    cols = {name: getattr(ticket, field) for name, field in COLS[type(ticket)].items()}
    return {"StatusCode": ticket.status_code, "State": state.value, **cols}


def state_of(status_code: str, *, resolved: bool) -> State:
    """Places a StatusCode; one that nobody knows is told by whether there is a ResolvedDate."""
    code = status_code.strip().casefold()
    if code.startswith(_WAITING):
        return State.WAITING
    return STATES.get(code, State.RESOLVED if resolved else State.LOGGED)


def _kind_of(module_id: str) -> Kind:
    kind = MODULES.get(module_id.strip())
    if kind is None:
        raise Invalid(f"ModuleId is {wire.clip(module_id)}, it can be 1 or 9", field="ModuleId")
    return kind


def _flag(is_epoch: str) -> bool:
    flag = is_epoch.strip().upper()
    if flag not in {"Y", "N"}:
        raise Invalid(f"IsEpoch is {wire.clip(is_epoch)}, it can be Y or N", field="IsEpoch")
    return flag == "Y"


@lru_cache(maxsize=64)
def read_zone(rule: str, time_zone: str, time_zone_offset: str) -> tzinfo:
    """Returns the zone of a ticket's dates, by the rule of IsTimeZoneOrOffset (table 2)."""
    match rule.strip().upper():
        case "GMT":
            return UTC
        case "TIMEZONE":
            name = _needed("TimeZone", time_zone)
            return _named("TimeZone", lambda: wire.zone(name))
        case "OFFSET":
            return _read_offset(_needed("TimeZoneOffset", time_zone_offset))
    # The guide's V1 sample has the three in one: "TIMEZONE/OFFSET/GMT".
    raise Invalid(
        f"IsTimeZoneOrOffset is {wire.clip(rule)}, it can be one of TIMEZONE, OFFSET, GMT",
        field="IsTimeZoneOrOffset",
    )


def _needed(vendor: str, text: str) -> str:
    if not text.strip():
        raise Missing(f"{vendor} is required by IsTimeZoneOrOffset", field=vendor)
    return text.strip()


def _read_offset(text: str) -> tzinfo:
    name = "TimeZoneOffset"
    if not _OFFSET.fullmatch(text):
        raise Invalid(f"{name} is {wire.clip(text)}, it can be minutes such as -330", field=name)
    return _named(name, lambda: wire.offset_zone(int(text)))


def _time(vendor: str, text: str, *, zone: tzinfo, epoch: bool = False) -> datetime:
    return _named(vendor, lambda: wire.read_time(text, zone, epoch=epoch))


def _named(vendor: str, read: Callable[[], Value]) -> Value:
    """Reads a field, so that what is wrong with it bears the field's name."""
    try:
        return read()
    except Invalid as error:
        raise Invalid(f"{vendor}: {error.message}", field=vendor) from error


def from_ticket(ticket: Ticket, message: type[Read]) -> Read:
    """Writes a ticket as V1 or V2 answers it."""
    extra = ticket.extra.get(EXTRA, {})
    resolved = ticket.resolved_at
    return message(
        status_code=_status_code(ticket, extra),
        closed_date=(
            struct_pb2.Value(string_value=wire.write_time(resolved, GMT)) if resolved else _NULL
        ),
        created_date_in_gmt=wire.write_time(ticket.created_at, GMT),
        updated_date_in_gmt=wire.write_time(ticket.updated_at, GMT),
        **{field: getattr(ticket, name) for name, field in TEXTS.items()},
        **{field: wire.write_time(getattr(ticket, name), GMT) for name, field in TIMES.items()},
        **{field: extra.get(name, "") for name, field in COLS[message].items()},
    )


def _status_code(ticket: Ticket, extra: Mapping[str, str]) -> str:
    code = extra.get("StatusCode", "")
    meant = extra.get("State") or state_of(code, resolved=ticket.resolved_at is not None).value
    return code if code and meant == ticket.state.value else CODES[ticket.state]


def read_query(raw: str) -> Query:
    """Reads the filters of H08 and H09 from a query string as the client wrote it."""
    if len(raw) > LONGEST_QUERY:
        raise Invalid(f"the query has {len(raw)} characters, at most {LONGEST_QUERY} are taken")
    terms = [_term(piece) for piece in _pieces(raw) if piece]
    if len(terms) > MOST_TERMS:
        raise Invalid(f"there are {len(terms)} filters, at most {MOST_TERMS} are taken")
    paging = {term.field: _number(term) for term in terms if term.field in PAGING}
    where = [
        Comparison(term.field, term.operator, _value(term))
        for term in terms
        if term.field not in PAGING
    ]
    if not any(comparison.field == "kind" for comparison in where):
        where.append(Comparison("kind", "=", Kind.INCIDENT))
    # One more than is answered tells that there are more.
    limit = paging.get("limit", MOST_ROWS + 1)
    return Query(where=All(tuple(where)), order=ORDER, limit=limit, offset=paging.get("offset", 0))


def _pieces(raw: str) -> Iterator[str]:
    """Yields the filters of a query, decoded and without blanks around them."""
    params = _QUERY_PARAMS.search(raw)
    before = raw if params is None else raw[: params.start()]
    pieces = [_decode(piece) for piece in before.split("&")]
    if params is not None:
        pieces += _params(raw[params.end() :])
    return (piece.strip() for piece in pieces)


def _params(raw: str) -> list[str]:
    """Reads what stands behind `queryParams=`, up to the end of the query.

    No client encodes the `&` between the filters in the JSON, so that the query cannot be cut there
    before; what follows the last brace is outside it again.
    """
    text = _decode(raw).strip()
    if not text.startswith("{"):
        first, *others = raw.split("&")
        if _decode(first).strip():
            raise Invalid(f"queryParams is {wire.clip(text)}, {_FORM}")
        return [_decode(piece) for piece in others]
    json, brace, behind = text.rpartition("}")
    try:
        params = msgspec.json.decode(json + brace, type=QueryParams)
    except msgspec.DecodeError as error:
        raise Invalid(f"queryParams cannot be read ({wire.clip(str(error))}), {_FORM}") from error
    return [*params.filter.split("&"), *behind.split("&")]


def _decode(text: str) -> str:
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid("the query is no UTF-8") from error


def _term(text: str) -> Term:
    """Reads `start_date>=2020-01-29 07:12:23.607`; the letter case of names does not count."""
    match = _TERM.fullmatch(text)
    if match is None:
        raise Invalid(f"{wire.clip(text)} is no filter: one is written name, operator, value")
    name, operator, value = match.groups()
    known = FILTERS.get(name.casefold())
    if known is None:
        names = ", ".join(FILTERS).replace("moduleid", "ModuleId")
        raise Invalid(
            f"there is no filter {wire.clip(name)}; there are {names}", field=wire.clip(name)
        )
    field, operators = known
    for allowed in operators:
        if operator == allowed:
            return Term(field, allowed, value.strip(), said=name)
    raise Invalid(f"{name} takes {', '.join(operators)}, and not {operator}", field=name)


def _value(term: Term) -> str | datetime | Kind:
    kind = FIELDS[term.field]
    if kind is datetime:
        return _time(term.said, term.value, zone=UTC)
    if kind is Kind:
        return _kind_of(term.value)
    check_text(term.said, term.value, most=LONGEST_NAME)
    return term.value


def _number(term: Term) -> int:
    least, most = PAGING[term.field]
    digits = re.fullmatch(r"[0-9]{1,10}", term.value)
    if digits is None or not least <= int(term.value) <= most:
        raise Invalid(
            f"{term.said} is {wire.clip(term.value)}, it can be {least} to {most}", field=term.said
        )
    return int(term.value)


def register(server: grpc.aio.Server, desk: Desk) -> None:
    """Adds the servicer."""
    pb_grpc.add_IAutomateServiceServicer_to_server(IAutomate(desk), server)


def refuse(error: PolydeskError, rpc: str) -> wire.Refusal:
    """Words an error in the envelope of the RPC's answer; the guide shows none of them."""
    http = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    if rpc == "IssueToken":
        return _refuse_grant(error, http)
    if rpc.endswith("V1"):
        code = V1_CODES.get(http, http)
        body = {"statusCode": code, "status": "Fail", "message": error.message, "result": None}
        return wire.Refusal(http=http, body=body)
    outcome = {"Status": "Fail", "Message": error.message}
    subject = {"Id": None} if rpc.startswith("Push") else {"Count": 0, "Result": []}
    return wire.Refusal(http=http, body=subject | outcome)


def _refuse_grant(error: PolydeskError, http: int) -> wire.Refusal:
    """Words an error of H18 as RFC 6749 has it in section 5.2."""
    code, description = OAUTH.get(http, "invalid_request"), error.message
    if isinstance(error, errors.Unauthenticated):
        http, code = 400, "invalid_grant"
        description = "The user name or password is incorrect."
    elif isinstance(error, Invalid) and not isinstance(error, Missing):
        code = "unsupported_grant_type" if error.field == "grant_type" else code
    return wire.Refusal(http=http, body={"error": code, "error_description": description})
