"""The client: the stubs of all services on one well-behaved channel, and what is more at hand."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import grpc
import grpc.aio
from google.protobuf.field_mask_pb2 import FieldMask

from polydesk.api.v1.attachment_pb2 import Attachment
from polydesk.api.v1.attachment_pb2_grpc import AttachmentServiceStub
from polydesk.api.v1.catalog_pb2_grpc import CatalogServiceStub
from polydesk.api.v1.directory_pb2_grpc import DirectoryServiceStub
from polydesk.api.v1.identity_pb2_grpc import IdentityServiceStub
from polydesk.api.v1.incident_pb2 import ListIncidentsRequest
from polydesk.api.v1.incident_pb2_grpc import IncidentServiceStub
from polydesk.api.v1.inventory_pb2_grpc import InventoryServiceStub
from polydesk.api.v1.link_pb2_grpc import LinkServiceStub
from polydesk.api.v1.note_pb2 import CreateNoteRequest, Note
from polydesk.api.v1.note_pb2_grpc import NoteServiceStub
from polydesk.api.v1.overview_pb2_grpc import OverviewServiceStub
from polydesk.api.v1.rule_pb2_grpc import RuleServiceStub
from polydesk.api.v1.run_pb2 import WatchRunOutputRequest, WatchRunOutputResponse
from polydesk.api.v1.run_pb2_grpc import RunServiceStub
from polydesk.api.v1.runbook_pb2_grpc import RunbookServiceStub
from polydesk.api.v1.schedule_pb2_grpc import ScheduleServiceStub
from polydesk.api.v1.script_pb2_grpc import ScriptServiceStub
from polydesk.api.v1.secret_pb2_grpc import SecretServiceStub
from polydesk.api.v1.service_level_pb2_grpc import ServiceLevelServiceStub
from polydesk.api.v1.target_pb2_grpc import TargetServiceStub
from polydesk.api.v1.ticket_pb2 import (
    ListTicketChangesRequest,
    ListTicketsRequest,
    Ticket,
    TicketChange,
    WatchTicketsRequest,
)
from polydesk.api.v1.ticket_pb2_grpc import TicketServiceStub
from polydesk.client.attachment import Attachments, Progress, first_request
from polydesk.client.calls import Manners
from polydesk.client.channel import Certificate, credentials, open_channel
from polydesk.client.errors import HubError
from polydesk.client.mail import read_email
from polydesk.client.page import pages
from polydesk.client.patience import Patience
from polydesk.client.run import follow_run
from polydesk.client.watch import Watch

# Its id, or its name: `orgs/7`.
Org: TypeAlias = int | str


class Client:
    """Calls a hub; `address` is that of its gateway: `127.0.0.1:8080`.

    To be entered before its use: `async with Client(…) as client`. Every stub below calls with the
    client's credentials and a deadline of `timeout` seconds unless the call names another, and
    raises a `HubError`.
    """

    channel: grpc.aio.Channel
    tickets: TicketServiceStub
    incidents: IncidentServiceStub
    notes: NoteServiceStub
    links: LinkServiceStub
    attachments: AttachmentServiceStub
    secrets: SecretServiceStub
    inventory: InventoryServiceStub
    schedules: ScheduleServiceStub
    levels: ServiceLevelServiceStub
    catalogs: CatalogServiceStub
    directory: DirectoryServiceStub
    scripts: ScriptServiceStub
    targets: TargetServiceStub
    runbooks: RunbookServiceStub
    rules: RuleServiceStub
    runs: RunServiceStub
    overviews: OverviewServiceStub
    identity: IdentityServiceStub

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        address: str,
        *,
        login: str = "",
        secret: str = "",
        token: str = "",
        key: str = "",
        tls: bool = False,
        root_certificates: bytes | None = None,
        certificate: Certificate | None = None,
        timeout: float = 15.0,
        patience: Patience | None = None,
    ) -> None:
        self.address = address
        self.patience = patience or Patience()
        self._manners = Manners(
            authorization=_authorization(login, secret, token=token, key=key),
            timeout=timeout,
            patience=self.patience,
        )
        secure = tls or root_certificates is not None or certificate is not None
        self._tls = credentials(root_certificates, certificate) if secure else None

    async def __aenter__(self) -> Self:
        self.channel = open_channel(self.address, self._tls, self._manners.interceptors())
        self.tickets = TicketServiceStub(self.channel)
        self.incidents = IncidentServiceStub(self.channel)
        self.notes = NoteServiceStub(self.channel)
        self.links = LinkServiceStub(self.channel)
        self.attachments = AttachmentServiceStub(self.channel)
        self.secrets = SecretServiceStub(self.channel)
        self.inventory = InventoryServiceStub(self.channel)
        self.schedules = ScheduleServiceStub(self.channel)
        self.levels = ServiceLevelServiceStub(self.channel)
        self.catalogs = CatalogServiceStub(self.channel)
        self.directory = DirectoryServiceStub(self.channel)
        self.scripts = ScriptServiceStub(self.channel)
        self.targets = TargetServiceStub(self.channel)
        self.runbooks = RunbookServiceStub(self.channel)
        self.rules = RuleServiceStub(self.channel)
        self.runs = RunServiceStub(self.channel)
        self.overviews = OverviewServiceStub(self.channel)
        self.identity = IdentityServiceStub(self.channel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.channel.close()

    async def list_tickets(  # noqa: PLR0913 - each is an option
        self,
        org: Org,
        *,
        filter: str = "",  # noqa: A002 - the contract's word
        order_by: str = "",
        page_size: int = 0,
        fields: Sequence[str] = (),
        show_deleted: bool = False,
    ) -> AsyncIterator[Ticket]:
        """Yields the tickets of an org that fit, with all their fields or with `fields` only."""
        request = ListTicketsRequest(
            parent=org_name(org),
            filter=filter,
            order_by=order_by,
            page_size=page_size,
            read_mask=FieldMask(paths=fields),
            show_deleted=show_deleted,
        )
        async for page in pages(self.tickets.ListTickets, request):
            for ticket in page.tickets:
                yield ticket

    async def list_incidents(  # noqa: PLR0913 - each is an option
        self,
        org: Org,
        *,
        filter: str = "",  # noqa: A002 - the contract's word
        order_by: str = "",
        page_size: int = 0,
        fields: Sequence[str] = (),
        show_deleted: bool = False,
    ) -> AsyncIterator[Ticket]:
        """Yields the incidents of an org that fit, as `list_tickets` does."""
        request = ListIncidentsRequest(
            parent=org_name(org),
            filter=filter,
            order_by=order_by,
            page_size=page_size,
            read_mask=FieldMask(paths=fields),
            show_deleted=show_deleted,
        )
        async for page in pages(self.incidents.ListIncidents, request):
            for incident in page.incidents:
                yield incident

    async def ticket_changes(self, name: str, *, page_size: int = 0) -> AsyncIterator[TicketChange]:
        """Yields what happened to a ticket or an incident, oldest first."""
        request = ListTicketChangesRequest(parent=ticket_name(name), page_size=page_size)
        async for page in pages(self.tickets.ListTicketChanges, request):
            for change in page.changes:
                yield change

    def watch(
        self,
        org: Org,
        *,
        cursor: str = "",
        heartbeat_seconds: int = 0,
        on_loss: Callable[[HubError], None] | None = None,
    ) -> Watch:
        """Follows the changes of an org: from now on, or behind a cursor, or from `0` on.

        `on_loss` is told each time the stream breaks and is begun again.
        """
        request = WatchTicketsRequest(
            parent=org_name(org), cursor=cursor, heartbeat_seconds=heartbeat_seconds
        )
        return Watch(self.tickets.WatchTickets, request, patience=self.patience, on_loss=on_loss)

    def watch_run(
        self, name: str, *, cursor: str = "", on_loss: Callable[[HubError], None] | None = None
    ) -> AsyncGenerator[WatchRunOutputResponse, None]:
        """Yields the output of a run, and the run as it changes, until it has ended."""
        request = WatchRunOutputRequest(name=name, cursor=cursor)
        method = self.runs.WatchRunOutput
        return follow_run(method, request, patience=self.patience, on_loss=on_loss)

    async def upload(
        self,
        ticket: str,
        path: str | os.PathLike[str],
        *,
        file_name: str = "",
        content_type: str = "",
        progress: Progress | None = None,
    ) -> Attachment:
        """Attaches a file to a ticket or an incident."""
        file = Path(path)
        first = first_request(
            ticket_name(ticket), file, file_name=file_name, content_type=content_type
        )
        attachments = Attachments(self.attachments, patience=self.patience)
        return await attachments.upload(first, file, progress=progress or _quiet)

    async def add_email(self, ticket: str, path: str | os.PathLike[str]) -> Note:
        """Adds the e-mail of a file to a ticket or an incident, with its files. Raises NoEmail."""
        note = await asyncio.to_thread(lambda: read_email(Path(path).read_bytes()))
        request = CreateNoteRequest(parent=ticket_name(ticket), note=note)
        return await self.notes.CreateNote(request)

    async def download(
        self, attachment: str, path: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> Attachment:
        """Writes an attachment, given by its name, to a file, once its bytes have been checked."""
        attachments = Attachments(self.attachments, patience=self.patience)
        return await attachments.download(attachment, Path(path), progress=progress or _quiet)


def org_name(org: Org) -> str:
    """Returns the name of an org: `orgs/7`."""
    return f"orgs/{org}" if isinstance(org, int) else org


def ticket_name(name: str) -> str:
    """Returns the name under which TicketService knows a ticket, which may be an incident."""
    collection, _, id_ = name.partition("/")
    return f"tickets/{id_}" if collection == "incidents" else name


def _authorization(login: str, secret: str, *, token: str, key: str) -> str:
    if sum(map(bool, (login, token, key))) > 1:
        raise ValueError("a client calls with a login, a token or a key, not with several")
    if ":" in login:
        raise ValueError("a login has no colon")
    if login:
        return f"Basic {base64.b64encode(f'{login}:{secret}'.encode()).decode()}"
    if token:
        return f"Bearer {token}"
    return f"Apikey {key}" if key else ""


def _quiet(_done: int, _size: int) -> None:
    pass
