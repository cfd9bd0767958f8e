"""Commands as operators write them: words, in which `{name}` stands for a parameter.

Words are told apart before parameters are filled in, so that no value ever becomes two words, or
anything that a shell would act upon.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import Final

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.target import LONGEST_COMMAND
from polydesk.domain.ticket import check_text

_PLACE: Final = re.compile(r"{{|}}|{([A-Za-z_][A-Za-z0-9_]*)}", re.ASCII)
_FIELD: Final = "nodes.command.command"


def words_of(command: str, *, field: str = "command") -> list[str]:
    """Returns the words of a command, as a shell would tell them apart."""
    check_text(field, command, most=LONGEST_COMMAND)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Invalid(f"{field} cannot be read: {error}", field=field) from error
    if not words or not words[0]:
        raise Missing(f"{field} is required", field=field)
    if words[0].startswith("-"):
        raise Invalid(f"{field} begins with an option, not with a program", field=field)
    return words


def check_template(command: str, *, known: Collection[str], secret: Collection[str]) -> None:
    """Refuses a command that names what is no parameter, or tells a secret to everybody."""
    for word in words_of(command, field=_FIELD):
        for name in names_in(word):
            if name not in known:
                raise Invalid(f"{{{name}}} is no parameter; {{{{ stands for a brace", field=_FIELD)
            if name in secret:
                raise Invalid(
                    f"{{{name}}} is secret, and everybody on the target sees its commands:"
                    " a script is told secrets on its standard input",
                    field=_FIELD,
                )


def check_value(text: str, *, known: Collection[str], field: str, what: str) -> None:
    """Refuses a value for a runbook in which a name in braces is not `what` it should be."""
    check_text(field, text, most=LONGEST_COMMAND)
    for name in names_in(text):
        if name not in known:
            raise Invalid(f"{{{name}}} is no {what}; {{{{ stands for a brace", field=field)


def names_in(text: str) -> list[str]:
    """Returns the parameters that a text names."""
    return [name for name in _PLACE.findall(text) if name]


def fill(command: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the words of a command, with its parameters filled in."""
    return tuple(fill_text(word, values) for word in words_of(command))


def fill_text(text: str, values: Mapping[str, str]) -> str:
    """Returns a text with its parameters filled in."""

    def value(place: re.Match[str]) -> str:
        return values[place[1]] if place[1] else place[0][0]

    return _PLACE.sub(value, text)
