"""A plan: what a run will do, pinned when it is started, whatever is registered later."""

from __future__ import annotations

import msgspec

from polydesk.domain.command import fill
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import (
    Approve,
    Await,
    Node,
    Parameter,
    ParameterType,
    Runbook,
    RunCommand,
    RunScript,
    Wait,
    WhenUnknown,
)
from polydesk.domain.script import Language, Script


class PlannedCommand(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """A command, word for word."""

    target: str
    argv: tuple[str, ...]
    seconds: int


class PlannedScript(msgspec.Struct, frozen=True, kw_only=True, tag="script"):
    """A script as it was; it is told `inputs`, or the parameters where there are none."""

    script: int
    revision: int
    language: Language
    source: str
    seconds: int
    inputs: str = ""


Planned = PlannedCommand | PlannedScript | Approve | Wait | Await


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node, planned."""

    id: str
    work: Planned
    needs: tuple[str, ...] = ()
    when_unknown: WhenUnknown = WhenUnknown.FAIL

    @property
    def launches(self) -> bool:
        """Tells whether it executes something, rather than waits."""
        return isinstance(self.work, PlannedCommand | PlannedScript)


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The steps of a run, and its parameters by their types; a secret is told by its name."""

    steps: tuple[Step, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    values: dict[str, str] = {}

    @property
    def secrets(self) -> dict[str, str]:
        """Returns which parameters are secret, and the names of the secrets."""
        return {
            each.name: self.values[each.name]
            for each in self.parameters
            if each.type is ParameterType.SECRET and self.values.get(each.name)
        }


def settle_parameters(
    parameters: tuple[Parameter, ...], said: dict[str, str], *, field: str = "parameters"
) -> dict[str, str]:
    """Returns the value of each parameter, or refuses what is said."""
    known = {each.name: each for each in parameters}
    if unknown := set(said) - known.keys():
        raise Invalid(f"there is no parameter {min(unknown)[:100]}", field=field)
    values = {}
    for name, parameter in known.items():
        value = said.get(name, parameter.default)
        if parameter.required and not value:
            raise Missing(f"parameter {name} is required", field=field)
        if value:
            parameter.check(value)
        values[name] = value
    return values


def plan_node(node: Node, values: dict[str, str], scripts: dict[int, Registered[Script]]) -> Step:
    """Returns what a node will do."""
    match node.work:
        case RunCommand(target=target, command=command, seconds=seconds):
            argv = fill(command, values)
            work: Planned = PlannedCommand(target=target, argv=argv, seconds=seconds)
        case RunScript(script=id_):
            work = plan_script(scripts[id_])
        case other:
            work = other
    return Step(id=node.id, needs=node.needs, work=work, when_unknown=node.when_unknown)


def plan_script(script: Registered[Script], inputs: str = "") -> PlannedScript:
    """Returns what a script will do."""
    return PlannedScript(
        script=script.id,
        revision=script.revision,
        language=script.spec.language,
        source=script.spec.source,
        seconds=script.spec.seconds,
        inputs=inputs,
    )


def plan_runbook(
    runbook: Runbook, said: dict[str, str], scripts: dict[int, Registered[Script]]
) -> Plan:
    """Returns what a run of a runbook will do."""
    values = settle_parameters(runbook.parameters, said)
    steps = tuple(plan_node(node, values, scripts) for node in runbook.nodes)
    return Plan(steps=steps, parameters=runbook.parameters, values=values)


def told_parameters(plan: Plan, secrets: dict[str, str]) -> dict[str, object]:
    """Returns what a script is told: the parameters by their types, secrets by their values."""
    told: dict[str, object] = {}
    for each in plan.parameters:
        value = plan.values[each.name]
        match each.type:
            case _ if not value:
                told[each.name] = None
            case ParameterType.NUMBER:
                told[each.name] = msgspec.json.decode(value)
            case ParameterType.BOOLEAN:
                told[each.name] = value == "true"
            case ParameterType.SECRET:
                told[each.name] = secrets[each.name]
            case ParameterType.TEXT:
                told[each.name] = value
    return told
