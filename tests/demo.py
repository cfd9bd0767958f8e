"""`make demo`: plays every sample of the vendors' documents against a demo hub, and prints a table.

Plays against a hub of its own, or against the one named: `python -m tests.demo http://host:port`.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.dialects.sample import is_answered, play
from tests.stack import Answer, Rest, Stack

LONGEST = 60


def dialects() -> Iterable[tuple[str, Any]]:
    """Yields the name and the test module of each dialect; there the samples stand."""
    for path in sorted((Path(__file__).parent / "dialects").glob("test_*.py")):
        yield (
            path.stem.removeprefix("test_"),
            importlib.import_module(f"tests.dialects.{path.stem}"),
        )


async def play_all(port: int) -> bool:
    """Plays all samples; tells whether each was answered as documented."""
    table = Table("sample", "spelling", "answer", "ok")
    right = True
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, port)
        for name, module in dialects():
            for sample in module.SAMPLES:
                answer = await play(rest, sample)
                ok = is_answered(sample, answer.status, answer.body)
                right = right and ok
                table.add_row(
                    f"{name} {sample.id}",
                    escape(f"{sample.method} {sample.path}"),
                    escape(f"{answer.status} {shorten(answer)}"),
                    "[green]yes" if ok else "[red]no",
                )
    Console().print(table)
    return right


def shorten(answer: Answer) -> str:
    """Returns the beginning of an answer."""
    text = answer.body.decode(errors="replace")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def main() -> None:
    """Plays, and exits with 1 where an answer was not as documented."""
    if sys.argv[1:]:
        right = asyncio.run(play_all(urlsplit(sys.argv[1]).port or 80))
    else:
        with tempfile.TemporaryDirectory(prefix="polydesk-demo-") as folder:
            stack = Stack.start(Path(folder) / "var")
            try:
                right = asyncio.run(play_all(stack.port))
            finally:
                stack.stop()
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
