"""An order: what a caller wants to run; and what policy says of it."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from polydesk.domain.command import words_of
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.plan import Plan, PlannedCommand, Step, plan_script
from polydesk.domain.registered import Registered
from polydesk.domain.run import Run
from polydesk.domain.runbook import Approve, RunCommand, Tool
from polydesk.domain.script import Script, check_seconds
from polydesk.domain.target import written
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

# The one node of a run that is no runbook's.
ONLY: Final = "main"


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller wants to run: a runbook, a script, or a command.

    `inputs` is the JSON object that a script is told. `key` makes two orders of an org one, `id` is
    for records that come from elsewhere. A `schedule` may have its run wait for those before it,
    and limit how long it takes; a `rule` may have somebody asked before anything begins.
    """

    runbook: int = 0
    script: int = 0
    inputs: str = ""
    command: RunCommand | None = None
    parameters: dict[str, str] = {}
    ticket: int = 0
    key: str = ""
    job: str = ""
    id: int = 0
    schedule: int = 0
    waits: bool = False
    limit_seconds: int = 0
    rule: int = 0
    approval: Approve | None = None

    def __post_init__(self) -> None:
        if (self.runbook > 0) + (self.script > 0) + (self.command is not None) != 1:
            raise Missing("a runbook, a script or a command is required, and one", field="work")
        for name in ("key", "job"):
            check_text(name, getattr(self, name), most=LONGEST_NAME)
        check_text("inputs", self.inputs, most=LONGEST_TEXT)
        if self.inputs:
            _check_object(self.inputs)
        if self.inputs and not self.script:
            raise Invalid("only a script is told inputs", field="inputs")
        if self.parameters and not self.runbook:
            raise Invalid("only a runbook has parameters", field="parameters")
        if self.command:
            check_seconds(self.command.seconds, "command.timeout")

    @property
    def digest(self) -> str:
        """Tells two orders apart."""
        return hashlib.blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What an order comes to."""

    title: str
    tool: Tool
    plan: Plan
    runbook: int = 0
    version: int = 0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What policy says of a step; `refusal` is empty where it may be carried out."""

    step: Step
    refusal: str = ""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of an order."""

    run: Run
    verdicts: list[Verdict]


def prepare_command(command: RunCommand) -> Prepared:
    """Returns what the order of a command comes to."""
    argv = tuple(words_of(command.command))
    work = PlannedCommand(target=command.target, argv=argv, seconds=command.seconds)
    plan = Plan(steps=(Step(id=ONLY, work=work),))
    return Prepared(title=written(argv)[:LONGEST_NAME], tool=Tool.COMMANDS, plan=plan)


def prepare_script(script: Registered[Script], inputs: str) -> Prepared:
    """Returns what the order of a script comes to."""
    plan = Plan(steps=(Step(id=ONLY, work=plan_script(script, inputs or "{}")),))
    return Prepared(title=script.spec.name, tool=Tool.LOCAL, plan=plan)


def _check_object(text: str) -> None:
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise Invalid(f"inputs is no JSON object: {error}", field="inputs") from error
