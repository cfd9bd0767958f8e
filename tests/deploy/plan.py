"""What deploy/ says, read as those who act on it read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml
from typer.main import get_command

from polydesk.cli import app
from polydesk.config import Settings
from tests.page import ROOT

DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
# What Kubernetes' secret brings, as the kustomization tells.
SECRET: Final = {"POLYDESK_DATABASE_URL", "POLYDESK_SECRET_KEYS"}


class Process(NamedTuple):
    """A container of ours: what it runs, with which settings, and at which ports it is asked."""

    name: str
    words: Sequence[str]
    settings: Mapping[str, str]
    ports: Mapping[str, int]
    probes: Mapping[str, Mapping[str, Any]]


def compose() -> dict[str, Any]:
    """The compose file, with its anchors filled in."""
    plan: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return plan


def objects() -> Iterator[dict[str, Any]]:
    """What the kustomization applies, file by file."""
    for file in kustomization()["resources"]:
        yield from yaml.safe_load_all((KUBERNETES / file).read_text())


def kustomization() -> dict[str, Any]:
    plan: dict[str, Any] = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    return plan


def object_(kind: str, name: str) -> dict[str, Any]:
    return next(
        each for each in objects() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )


def pods() -> dict[str, dict[str, Any]]:
    """The templates of pods, by the names of what makes them."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]
        for each in objects()
        if each["kind"] in ("Deployment", "Job")
    }


def in_kubernetes() -> list[Process]:
    [generated] = kustomization()["configMapGenerator"]
    shared = dict(each.split("=", 1) for each in generated["literals"])
    found = []
    for name, pod in pods().items():
        [container] = pod["spec"]["containers"]
        sources = [kind for source in container.get("envFrom", ()) for kind in source]
        settings = dict(shared) if "configMapRef" in sources else {}
        settings |= dict.fromkeys(SECRET, "") if "secretRef" in sources else {}
        found.append(
            Process(
                name=name,
                words=container["args"],
                settings=settings,
                ports={each["name"]: each["containerPort"] for each in container.get("ports", ())},
                probes={key: value for key, value in container.items() if key.endswith("Probe")},
            )
        )
    return found


def in_compose() -> list[Process]:
    ours = {name: service for name, service in compose()["services"].items() if "build" in service}
    return [
        Process(
            name=name,
            words=service["command"],
            settings=service["environment"],
            ports={},
            probes={"healthcheck": service["healthcheck"]} if "healthcheck" in service else {},
        )
        for name, service in ours.items()
    ]


def option(words: Sequence[str], name: str) -> str:
    """Returns what a command is told by an option."""
    [found] = [word.partition("=")[2] for word in words if word.startswith(f"--{name}=")]
    return found


def check_words(words: Sequence[str]) -> None:
    """Raises typer's exception for a command line that ours does not take."""
    command = get_command(app)
    group = command.make_context("polydesk", list(words), resilient_parsing=False)
    name, chosen, rest = command.resolve_command(group, list(words))  # type: ignore[attr-defined]  # a group
    chosen.make_context(name, rest, parent=group)


def unknown(settings: Mapping[str, str]) -> set[str]:
    """Returns the variables that are none of ours."""
    known = {f"POLYDESK_{name.upper()}" for name in Settings.model_fields}
    return {name for name in settings if name not in known}
