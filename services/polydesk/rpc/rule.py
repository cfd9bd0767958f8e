"""The canonical service of rules."""

from __future__ import annotations

from typing import Any, Final

import grpc.aio
from google.protobuf.empty_pb2 import Empty

from polydesk.api.v1 import rule_pb2 as pb
from polydesk.api.v1 import rule_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid
from polydesk.domain.query import page_size
from polydesk.domain.registered import Registered
from polydesk.domain.rule import Rule
from polydesk.domain.runbook import Approve
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import child_of, org_of
from polydesk.rpc.script import id_in
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]

_RULES: Final = ("orgs", "rules")


class RuleServicer(rule_pb2_grpc.RuleServiceServicer):
    """Serves the rules of orgs."""

    def __init__(self, desk: Desk) -> None:
        self._rules = desk.rules

    async def SaveRule(self, request: pb.SaveRuleRequest, _: Context) -> pb.Rule:
        """Registers a rule, or replaces one."""
        org, said = org_of(request.parent), request.rule
        id_ = id_in(said.name, org, "rules")
        saved = await self._rules.save(
            caller_of(), org, to_rule(said, org), id_=id_, etag=said.etag
        )
        return from_rule(saved)

    async def GetRule(self, request: pb.GetRuleRequest, _: Context) -> pb.Rule:
        """Returns one rule."""
        return from_rule(await self._rules.get(caller_of(), *child_of(request.name, *_RULES)))

    async def ListRules(self, request: pb.ListRulesRequest, _: Context) -> pb.ListRulesResponse:
        """Returns a page of rules."""
        page = await self._rules.page(
            caller_of(),
            org_of(request.parent),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return pb.ListRulesResponse(
            rules=map(from_rule, page.items), next_page_token=page.next_token
        )

    async def DeleteRule(self, request: pb.DeleteRuleRequest, _: Context) -> Empty:
        """Removes a rule."""
        org, id_ = child_of(request.name, *_RULES)
        await self._rules.remove(caller_of(), org, id_=id_, etag=request.etag)
        return Empty()


def to_rule(said: pb.Rule, org: int) -> Rule:
    """Reads what a caller says of a rule of an org."""
    parent, runbook = child_of(said.runbook, "orgs", "runbooks", field="rule.runbook")
    if parent != org:
        raise Invalid(f"{said.runbook} is not in orgs/{org}", field="rule.runbook")
    return Rule(
        name=said.display_name,
        filter=said.filter,
        runbook=runbook,
        description=said.description,
        parameters=dict(said.parameters),
        approval=Approve(message=said.approval.message) if said.HasField("approval") else None,
        enabled=not said.disabled,
    )


def from_rule(rule: Registered[Rule]) -> pb.Rule:
    """Writes a rule as the contract has it."""
    spec = rule.spec
    asks = pb.Rule.Approval(message=spec.approval.message) if spec.approval else None
    return pb.Rule(
        name=f"orgs/{rule.org}/rules/{rule.id}",
        display_name=spec.name,
        filter=spec.filter,
        runbook=f"orgs/{rule.org}/runbooks/{spec.runbook}",
        description=spec.description,
        parameters=spec.parameters,
        approval=asks,
        disabled=not spec.enabled,
        create_time=timestamp(rule.created_at),
        update_time=timestamp(rule.updated_at),
        etag=rule.etag,
    )
