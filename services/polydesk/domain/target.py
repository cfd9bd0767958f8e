"""A target: a machine on which commands may run, and which ones.

Nothing runs on a machine that is not registered, and no command that no pattern allows.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

LONGEST_COMMAND: Final = 4_096
MOST_PATTERNS: Final = 100
SSH_PORT: Final = 22
_HIGHEST_PORT: Final = 65_535
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,252}[A-Za-z0-9])?", re.ASCII)
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._@\\-]{0,63}", re.ASCII)
# What a shell would take for more than a word.
_META: Final = frozenset(";|&$`<>")


class TargetKind(Enum):
    """Tells how a target is reached."""

    LOCAL = "LOCAL"
    SSH = "SSH"


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator says of a target; `key` names the secret with which SSH logs in."""

    name: str
    kind: TargetKind
    host: str = ""
    port: int = SSH_PORT
    user: str = ""
    known_hosts: str = ""
    key: str = ""
    patterns: tuple[str, ...] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Invalid(
                "a target's name has 1 to 64 letters, digits, dots, hyphens and underscores",
                field="name",
            )
        check_text("known_hosts", self.known_hosts, most=LONGEST_TEXT)
        check_text("key", self.key, most=LONGEST_NAME)
        _check_patterns(self.patterns)
        if self.kind is TargetKind.SSH:
            self._check_ssh()

    def _check_ssh(self) -> None:
        for name, pattern in {"host": _HOST, "user": _USER}.items():
            if not pattern.fullmatch(getattr(self, name)):
                raise Invalid(f"{name} is required, and is none", field=name)
        if not 1 <= self.port <= _HIGHEST_PORT:
            raise Invalid(f"port is 1 to {_HIGHEST_PORT}", field="port")
        for name in ("known_hosts", "key"):
            if not getattr(self, name).strip():
                raise Missing(f"{name} is required: SSH trusts nobody without", field=name)

    def refusal(self, argv: Sequence[str]) -> str:
        """Tells why a command may not run here; nothing where it may."""
        if not self.enabled:
            return f"target {self.name} is disabled"
        command = written(argv)
        if any(_allows(pattern, command) for pattern in self.patterns):
            return ""
        return f"target {self.name} allows no such command: {command[:200]}"


def written(argv: Sequence[str]) -> str:
    """Returns a command as patterns and other machines see it, quoted only where it has to be."""
    return shlex.join(argv)


def _allows(pattern: str, command: str) -> bool:
    """Tells whether a pattern stands for the whole command.

    `*` stands for anything that a shell takes for words alone; it is found from the left, so a
    match costs no more than reading both.
    """
    first, *others = pattern.split("*")
    if not others:
        return command in (pattern, _normal(pattern))
    if not command.startswith(first):
        return False
    rest = command[len(first) :]
    *middle, last = others
    if not rest.endswith(last):
        return False
    rest = rest[: len(rest) - len(last)]
    for piece in middle:
        before, found, rest = rest.partition(piece) if piece else ("", "", rest)
        if found != piece or not _harmless(before):
            return False
    return _harmless(rest)


def _harmless(text: str) -> bool:
    return text.isprintable() and not _META.intersection(text)


def _normal(pattern: str) -> str:
    try:
        return written(shlex.split(pattern))
    except ValueError:
        return pattern


def _check_patterns(patterns: Sequence[str]) -> None:
    if len(patterns) > MOST_PATTERNS:
        raise Invalid(f"at most {MOST_PATTERNS} patterns are taken", field="patterns")
    for pattern in patterns:
        check_text("patterns", pattern, most=LONGEST_COMMAND)
        if not pattern.strip() or not pattern.isprintable():
            raise Invalid("a pattern is one line of text", field="patterns")
