"""A script: a program that an operator has registered, which runs and runbooks may execute."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.ticket import LONGEST_NAME, LONGEST_TEXT, check_text

LONGEST_WORK: Final = 24 * 3_600
USUAL_WORK: Final = 300


class Language(Enum):
    """Tells what executes a script."""

    PYTHON = "PYTHON"
    SH = "SH"
    POWERSHELL = "POWERSHELL"


class Script(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator says of a script; it may work for `seconds`."""

    name: str
    language: Language
    source: str
    seconds: int = USUAL_WORK

    def __post_init__(self) -> None:
        check_label(self.name)
        check_text("source", self.source, most=LONGEST_TEXT)
        if not self.source.strip():
            raise Missing("source is required", field="source")
        check_seconds(self.seconds)


def check_label(name: str) -> None:
    """Refuses a name that people could not read or tell apart."""
    check_text("name", name, most=LONGEST_NAME)
    if not name.strip() or not name.isprintable():
        raise Missing("name is required, in one line", field="name")


def check_seconds(seconds: int, field: str = "timeout") -> None:
    """Refuses a time that nothing may take."""
    if not 1 <= seconds <= LONGEST_WORK:
        raise Invalid(f"{field} is 1 to {LONGEST_WORK} seconds", field=field)
