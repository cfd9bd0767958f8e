"""A plan: what a run will do, pinned when it is started, whatever is registered later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from polydesk.domain.command import fill, fill_text, names_in
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.registered import Registered
from polydesk.domain.runbook import (
    MOST_NODES,
    Approve,
    Await,
    Node,
    Parameter,
    ParameterType,
    Runbook,
    RunCommand,
    RunRunbook,
    RunScript,
    Tool,
    Wait,
    WhenUnknown,
)
from polydesk.domain.script import Language, Script

# The node that asks before any other begins.
FIRST: Final = "rule.approval"


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


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parameters of a runbook, by their types; a secret is told by its name."""

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


class Plan(Scope, frozen=True, kw_only=True, omit_defaults=True):
    """The steps of a run; those of a runbook within have its scope, and begin with its name."""

    steps: tuple[Step, ...] = ()
    scopes: dict[str, Scope] = {}

    def scope_of(self, step: Step) -> Scope:
        """Returns the parameters that a step knows."""
        return self.scopes.get(step.id.rpartition(".")[0], self)


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """What runbooks are made of, by number."""

    scripts: dict[int, Registered[Script]] = {}
    runbooks: dict[int, Registered[Runbook]] = {}


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


def plan_node(node: Node, values: dict[str, str], library: Library) -> Step:
    """Returns what a node will do that is no runbook."""
    match node.work:
        case RunCommand(target=target, command=command, seconds=seconds):
            argv = fill(command, values)
            work: Planned = PlannedCommand(target=target, argv=argv, seconds=seconds)
        case RunScript(script=id_):
            work = plan_script(library.scripts[id_])
        case RunRunbook():
            raise TypeError(node)
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
    runbook: Registered[Runbook],
    said: dict[str, str],
    library: Library,
    *,
    above: tuple[int, ...] = (),
) -> Plan:
    """Returns what a run of a runbook will do; `above` are the runbooks that it is within."""
    spec, above = runbook.spec, (*above, runbook.id)
    values = settle_parameters(spec.parameters, said)
    scope = Scope(parameters=spec.parameters, values=values)
    parts: dict[str, tuple[Step, ...]] = {}
    scopes: dict[str, Scope] = {}
    for node in spec.nodes:
        if isinstance(node.work, RunRunbook):
            inner = _plan_within(node.id, node.work, scope, library, above=above)
            scopes |= {f"{node.id}.{name}".rstrip("."): each for name, each in inner.scopes.items()}
            parts[node.id] = inner.steps
        else:
            parts[node.id] = (plan_node(node, values, library),)
        if sum(map(len, parts.values())) > MOST_NODES:
            raise Invalid(f"a run has at most {MOST_NODES} nodes, with those of runbooks within")
    steps = tuple(step for node in spec.nodes for step in _joined(node, parts))
    return Plan(steps=steps, parameters=spec.parameters, values=values, scopes=scopes)


def ask_first(plan: Plan, approval: Approve) -> Plan:
    """Has somebody asked before anything of a plan begins."""
    if not plan.steps:
        raise Invalid("a runbook of an external tool asks nobody: it begins outside")
    if any(step.id == FIRST for step in plan.steps):
        raise Invalid(f"the runbook has a node {FIRST} already: rename it")
    steps = (each if each.needs else replace(each, needs=(FIRST,)) for each in plan.steps)
    return replace(plan, steps=(Step(id=FIRST, work=approval), *steps))


def _plan_within(
    name: str, work: RunRunbook, scope: Scope, library: Library, *, above: tuple[int, ...]
) -> Plan:
    """Returns what a runbook within another will do; its own scope has the empty name."""
    if work.runbook in above:
        raise Invalid(f"runbook {work.runbook} is within itself", field="nodes.runbook")
    runbook = library.runbooks[work.runbook]
    said = {key: _passed(key, text, scope, runbook.spec) for key, text in work.parameters.items()}
    if runbook.spec.tool is Tool.EXTERNAL:
        settle_parameters(runbook.spec.parameters, said)
        return Plan(steps=(Step(id=name, work=Await()),))
    plan = plan_runbook(runbook, said, library, above=above)
    steps = (
        replace(step, id=f"{name}.{step.id}", needs=tuple(f"{name}.{need}" for need in step.needs))
        for step in plan.steps
    )
    own = Scope(parameters=plan.parameters, values=plan.values)
    return Plan(steps=tuple(steps), scopes={"": own, **plan.scopes})


def _passed(name: str, text: str, scope: Scope, inner: Runbook) -> str:
    """Returns what a runbook within is told; a secret reaches nothing but a secret parameter."""
    secret = {each.name for each in scope.parameters if each.type is ParameterType.SECRET}
    types = {each.name: each.type for each in inner.parameters}
    named = secret & set(names_in(text))
    if named and (text != f"{{{min(named)}}}" or types.get(name) is not ParameterType.SECRET):
        raise Invalid(
            f"{{{min(named)}}} is secret: it stands alone, for a secret parameter",
            field="nodes.runbook.parameters",
        )
    return fill_text(text, scope.values)


def _joined(node: Node, parts: dict[str, tuple[Step, ...]]) -> Iterator[Step]:
    """Yields the steps of a node, which begin after the last ones of the nodes it needs."""
    needs = tuple(last.id for need in node.needs for last in _last(parts[need]))
    for step in parts[node.id]:
        inner = isinstance(node.work, RunRunbook) and step.needs
        yield step if inner else replace(step, needs=needs)


def _last(steps: tuple[Step, ...]) -> list[Step]:
    needed = {need for step in steps for need in step.needs}
    return [step for step in steps if step.id not in needed]


def told_parameters(scope: Scope, secrets: dict[str, str]) -> dict[str, object]:
    """Returns what a script is told: the parameters by their types, secrets by their values."""
    told: dict[str, object] = {}
    for each in scope.parameters:
        value = scope.values[each.name]
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
