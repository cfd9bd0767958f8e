"""A rule: which new tickets have which runbook run, and whether somebody is asked first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from polydesk.domain.command import check_value, fill_text, names_in
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.filter import parse_filter
from polydesk.domain.query import Condition
from polydesk.domain.registered import HIGHEST_ID, Registered
from polydesk.domain.runbook import (
    LONGEST_MESSAGE,
    MOST_PARAMETERS,
    Approve,
    Parameter,
    ParameterType,
)
from polydesk.domain.saving import Change
from polydesk.domain.script import check_label
from polydesk.domain.ticket import LONGEST_TEXT, Ticket, check_text

# What `{name}` in a parameter may stand for, beside `{custom_key}` for a custom field.
FIELDS: Final = (
    "id",
    "kind",
    "number",
    "sys_id",
    "summary",
    "description",
    "state",
    "requester",
    "assignee",
    "assignment_group",
    "category",
    "impact",
    "urgency",
    "priority",
    "parent_number",
)
_CUSTOM: Final = "custom_"
_PARAMETER: Final = "rule.parameters"


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator says of a rule; it is for tickets with an id above `since`."""

    name: str
    filter: str
    runbook: int
    description: str = ""
    parameters: dict[str, str] = {}
    approval: Approve | None = None
    enabled: bool = True
    since: int = 0

    def __post_init__(self) -> None:
        check_label(self.name)
        check_text("rule.description", self.description, most=LONGEST_TEXT)
        if not 1 <= self.runbook <= HIGHEST_ID:
            raise Missing("rule.runbook is required", field="rule.runbook")
        if self.condition is None:
            raise Missing(
                'rule.filter is required, such as kind = EVENT AND summary : "disk"',
                field="rule.filter",
            )
        if self.approval:
            check_text("rule.approval.message", self.approval.message, most=LONGEST_MESSAGE)
        if len(self.parameters) > MOST_PARAMETERS:
            raise Invalid(f"at most {MOST_PARAMETERS} parameters are taken", field=_PARAMETER)
        for text in self.parameters.values():
            custom = [name for name in names_in(text) if name.startswith(_CUSTOM)]
            check_value(
                text,
                known=(*FIELDS, *custom),
                field=_PARAMETER,
                what=f"field of tickets, which are {', '.join(FIELDS)} and custom_KEY",
            )

    @property
    def condition(self) -> Condition | None:
        """Returns what its tickets fit."""
        return parse_filter(self.filter)

    def told(self, ticket: Ticket) -> dict[str, str]:
        """Returns the parameters of the run for a ticket."""
        facts = _Facts(ticket)
        return {name: fill_text(text, facts) for name, text in self.parameters.items()}

    def check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Refuses that a ticket names a secret."""
        for each in parameters:
            told = self.parameters.get(each.name, "")
            if each.type is ParameterType.SECRET and names_in(told):
                raise Invalid(
                    f"parameter {each.name} is secret: the rule names the secret, no ticket does",
                    field=_PARAMETER,
                )


class _Facts(dict[str, str]):
    """What a ticket says, by the names of a rule."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__({name: _text(getattr(ticket, name)) for name in FIELDS})
        self.update({f"{_CUSTOM}{key}": _text(value) for key, value in ticket.custom.items()})

    def __missing__(self, key: str) -> str:
        return ""


def told(rule: Registered[Rule], ticket: Ticket, reason: str) -> Change:
    """Tells the history of a ticket why a rule has started no run for it."""
    facts = {"rule": rule.id, "name": rule.spec.name, "reason": reason}
    return Change(ticket=ticket.id, org=rule.org, action="rule.fail", digest="", old={}, new=facts)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case list():
            return ",".join(map(str, value))
        case _:
            return str(value)
