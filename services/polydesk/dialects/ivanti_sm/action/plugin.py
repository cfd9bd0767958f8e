"""The plugin: each action by the calls of the OData API that the published plugin makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from polydesk import wire
from polydesk.dialects.ivanti_sm.action.input import ACTIONS, to_fields
from polydesk.dialects.ivanti_sm.action.refusal import CAUSE
from polydesk.dialects.ivanti_sm.address import INCIDENTS, NOTES, with_context
from polydesk.dialects.ivanti_sm.front import FrontDesk
from polydesk.dialects.ivanti_sm.journal import from_note
from polydesk.dialects.ivanti_sm.person import People, login_of
from polydesk.dialects.ivanti_sm.value import id_of
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, NotFound
from polydesk.domain.identity import Caller
from polydesk.domain.person import Person
from polydesk.domain.ticket import Ticket

Said = Mapping[str, Any]
Output = dict[str, Any]

_HIGHEST: Final = 2**31


class Plugin:
    """Carries out actions in the caller's own org. `root` is the URL of the OData API."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._front = FrontDesk(desk)
        self._actions = {
            "create_incident": self._create,
            "update_incident": self._update,
            "delete_incident": self._delete,
            "add_note": self._note,
        }

    async def run(self, name: str, caller: Caller, said: Said, *, root: str) -> Output:
        """Carries out the action of a name with an input that was read."""
        return await self._actions[name](caller, said, root)

    async def test(self, caller: Caller) -> Output:
        """Tells that the directory can be read, as the plugin tests its connection."""
        await self._desk.people.page(caller, caller.home(), limit=1)
        return {"success": True}

    async def _create(self, caller: Caller, said: Said, root: str) -> Output:
        fields = to_fields(ACTIONS["create_incident"], said) | await self._people(caller, said)
        ticket = await self._front.record(caller, fields)
        return await self._incident(caller, ticket, root)

    async def _update(self, caller: Caller, said: Said, root: str) -> Output:
        ticket = await self._numbered(caller, said)
        fields = to_fields(ACTIONS["update_incident"], said) | await self._people(caller, said)
        changed = await self._front.change(caller, ticket, fields)
        return await self._incident(caller, changed, root)

    async def _delete(self, caller: Caller, said: Said, _: str) -> Output:
        ticket = await self._numbered(caller, said)
        await self._front.delete(caller, ticket)
        return {"success": True}

    async def _note(self, caller: Caller, said: Said, root: str) -> Output:
        ticket = await self._numbered(caller, said)
        fields = to_fields(ACTIONS["add_note"], said)
        note, ticket = await self._front.note(
            caller, fields | {"ParentLink_RecID": id_of(ticket.sys_id)}
        )
        return {"journal_note": with_context(root, NOTES, from_note(note, ticket))}

    async def _incident(self, caller: Caller, ticket: Ticket, root: str) -> Output:
        entity = await self._front.entity(caller, ticket)
        return {"incident": with_context(root, INCIDENTS, entity)}

    async def _numbered(self, caller: Caller, said: Said) -> Ticket:
        number: int = said["incident_number"]
        try:
            # Whatever is no number of an incident is looked for as the number of none.
            return await self._front.numbered(caller, number if 0 < number < _HIGHEST else 0)
        except NotFound as error:
            raise NotFound(
                f"No incident found using number provided - {wire.clip(str(number))}. Please "
                "validate and try again.",
                **{CAUSE: "No incidents found."},
            ) from error

    async def _people(self, caller: Caller, said: Said) -> Output:
        """Returns the fields for whom an incident is, and who works on it."""
        fields: Output = {}
        if customer := said.get("customer"):
            person = await self._employee(caller, "customer", customer)
            fields["ProfileLink"] = id_of(person.sys_id)
        if assignee := said.get("assignee"):
            person = await self._employee(caller, "assignee", assignee)
            fields["Owner"] = login_of(person)
        return fields

    async def _employee(self, caller: Caller, field: str, name: str) -> Person:
        """Returns the one employee of an e-mail address, a login or a name."""
        name = name.strip()
        people = People(await self._desk.people.known(caller, caller.home(), [name]))
        match people.found(name):
            case [person]:
                return person
            case []:
                raise Invalid(
                    f"No employees found using data provided - {wire.clip(name)}. Please validate "
                    "and try again.",
                    field=field,
                    **{CAUSE: "No employees found."},
                )
        raise Invalid(
            f"Search for {wire.clip(name)} returned more than 1 result. Please provide a unique "
            "identifier.",
            field=field,
            **{CAUSE: "Multiple employees found."},
        )
