"""A runbook: a named procedure whose nodes form a graph, each after those that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from typing import Final

import msgspec

from polydesk.domain.command import check_template, check_value
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.script import USUAL_WORK, check_label, check_seconds
from polydesk.domain.ticket import LONGEST_TEXT, check_text

MOST_NODES: Final = 100
MOST_PARAMETERS: Final = 50
LONGEST_WAIT: Final = 366 * 86_400
LONGEST_MESSAGE: Final = 1_000
_LONGEST_VALUE: Final = 4_096
_NODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


class Tool(Enum):
    """Tells who carries a runbook out."""

    LOCAL = "LOCAL"
    COMMANDS = "COMMANDS"
    EXTERNAL = "EXTERNAL"


class ParameterType(Enum):
    """Tells what values a parameter takes; that of a SECRET is the name of a secret."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    SECRET = "SECRET"  # noqa: S105 - a type, no secret


class WhenUnknown(Enum):
    """Decides what becomes of a node that died together with the machine that ran it."""

    FAIL = "FAIL"
    RERUN = "RERUN"


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What whoever starts a run may say."""

    name: str
    type: ParameterType = ParameterType.TEXT
    required: bool = False
    default: str = ""

    def check(self, value: str) -> None:
        """Refuses a value that is not of the type."""
        check_text(self.name, value, most=_LONGEST_VALUE)
        number = self.type is ParameterType.NUMBER
        boolean = self.type is ParameterType.BOOLEAN
        if (number and not _NUMBER.fullmatch(value)) or (
            boolean and value not in ("true", "false")
        ):
            raise Invalid(f"parameter {self.name} is no {self.type.value}", field="parameters")


class RunCommand(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """Runs a command on a target; `{name}` in a word of it stands for a parameter."""

    target: str
    command: str
    seconds: int = USUAL_WORK


class RunScript(msgspec.Struct, frozen=True, kw_only=True, tag="script"):
    """Runs a script, which is told the parameters as JSON."""

    script: int


class Approve(msgspec.Struct, frozen=True, kw_only=True, tag="approval"):
    """Waits until somebody lets the run go on."""

    message: str = ""


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag="wait"):
    """Waits for a time."""

    seconds: int


class Await(msgspec.Struct, frozen=True, kw_only=True, tag="external"):
    """Waits until a tool outside reports how it ended."""


class RunRunbook(msgspec.Struct, frozen=True, kw_only=True, tag="runbook"):
    """Does what another runbook does; `{name}` in a value stands for a parameter of this one."""

    runbook: int
    parameters: dict[str, str] = {}


Work = RunCommand | RunScript | Approve | Wait | Await | RunRunbook


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a runbook, which begins when all that it needs have succeeded."""

    id: str
    work: Work
    needs: tuple[str, ...] = ()
    when_unknown: WhenUnknown = WhenUnknown.FAIL


class Runbook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator says of a runbook; its version is the revision it is registered under."""

    name: str
    description: str = ""
    tool: Tool = Tool.COMMANDS
    parameters: tuple[Parameter, ...] = ()
    nodes: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        check_label(self.name)
        check_text("description", self.description, most=LONGEST_TEXT)
        _check_parameters(self.parameters)
        if self.tool is Tool.EXTERNAL and self.nodes:
            raise Invalid("a runbook of an external tool has no nodes", field="nodes")
        if self.tool is not Tool.EXTERNAL and not self.nodes:
            raise Missing("at least one node is required", field="nodes")
        check_graph(self.nodes)
        known = {each.name: each.type for each in self.parameters}
        for node in self.nodes:
            _check_work(node, known)


def check_graph(nodes: Sequence[Node]) -> None:
    """Refuses nodes that are too many, have no proper id, or never could begin."""
    if len(nodes) > MOST_NODES:
        raise Invalid(f"{len(nodes)} nodes came, at most {MOST_NODES} are taken", field="nodes")
    ids = [node.id for node in nodes]
    for node in nodes:
        if not _NODE.fullmatch(node.id):
            raise Invalid(
                f"{node.id or 'the empty text'} is no id of a node: it takes 1 to 40 letters,"
                " digits, hyphens and underscores",
                field="nodes.id",
            )
        if unknown := set(node.needs) - set(ids):
            raise Invalid(
                f"node {node.id} needs {min(unknown)}, which is no node", field="nodes.needs"
            )
    _check_once(ids, what="node", field="nodes.id")
    try:
        TopologicalSorter({node.id: node.needs for node in nodes}).prepare()
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise Invalid(f"no node of a circle can begin: {circle}", field="nodes.needs") from error


def _check_parameters(parameters: Sequence[Parameter]) -> None:
    if len(parameters) > MOST_PARAMETERS:
        raise Invalid(f"at most {MOST_PARAMETERS} parameters are taken", field="parameters")
    for each in parameters:
        if not _PARAMETER.fullmatch(each.name):
            raise Invalid(f"{each.name!r} is no name of a parameter", field="parameters.name")
        if each.default:
            each.check(each.default)
    _check_once([each.name for each in parameters], what="parameter", field="parameters.name")


def _check_once(names: Iterable[str], *, what: str, field: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Invalid(f"{what} {name} is there twice", field=field)
        seen.add(name)


def _check_work(node: Node, parameters: Mapping[str, ParameterType]) -> None:
    match node.work:
        case RunCommand():
            secret = {name for name, type_ in parameters.items() if type_ is ParameterType.SECRET}
            check_template(node.work.command, known=parameters.keys(), secret=secret)
            check_seconds(node.work.seconds, "nodes.command.timeout")
        case Wait(seconds=seconds) if not 1 <= seconds <= LONGEST_WAIT:
            raise Invalid(f"a wait is 1 to {LONGEST_WAIT} seconds", field="nodes.wait.duration")
        case RunRunbook(runbook=runbook, parameters=told):
            if runbook < 1:
                raise Missing("nodes.runbook.runbook is required", field="nodes.runbook.runbook")
            if len(told) > MOST_PARAMETERS:
                raise Invalid(
                    f"at most {MOST_PARAMETERS} parameters are taken",
                    field="nodes.runbook.parameters",
                )
            for value in told.values():
                check_value(
                    value,
                    known=parameters.keys(),
                    field="nodes.runbook.parameters",
                    what="parameter",
                )
        case Approve(message=message):
            check_text("nodes.approval.message", message, most=LONGEST_MESSAGE)
        case _:
            pass
