"""Every command that a dialect's page prints, run in its order against a demo hub."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.stack import Stack
from tests.test_readme import PRINTED_ADDRESS, checkout, pytestmark, shell

__all__ = ["checkout", "pytestmark"]

PAGES = Path(__file__).parents[1] / "docs" / "dialects"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shape(answer: Any) -> Any:
    """Returns what an answer is made of, whatever it says."""
    if isinstance(answer, dict):
        return {name: shape(value) for name, value in answer.items()}
    return [shape(each) for each in answer[:1]] if isinstance(answer, list) else type(answer)


def test_the_commands_of_the_experience_api_answer_what_is_printed(checkout: Path) -> None:
    text = (PAGES / "ivanti-experience-api.md").read_text().partition("## Errors")[0]
    (_, setup), *blocks = BLOCK.findall(text)
    url = f"--url http://{PRINTED_ADDRESS}"
    stack = Stack.start(checkout / "var")
    try:
        answers = {
            command: shell(
                setup + command.replace("email add", f"email add {url}"),
                cwd=checkout,
                port=stack.port,
            )
            for kind, block in blocks
            if kind == "sh"
            for command in ([block] if "<<" in block else block.split("\n\n"))
        }
    finally:
        assert stack.stop() == 0

    compared = 0
    for (kind, block), (other, wanted) in pairwise(blocks):
        if (kind, other) == ("sh", "json"):
            (*_, last) = block.split("\n\n")
            assert shape(json.loads(answers[last])) == shape(json.loads(wanted)), last
            compared += 1
    assert compared == 8
    assert "Invoice 17" in "".join(answers.values())
