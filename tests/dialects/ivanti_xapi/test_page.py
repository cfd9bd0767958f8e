"""Every command of the page of the experience API answers what is printed below it."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.stack import Stack
from tests.test_readme import checkout, pytestmark, shell

__all__ = ["checkout", "pytestmark"]

PAGE = Path(__file__).parents[3] / "docs" / "dialects" / "ivanti-experience-api.md"
PATHED = "PATH=.venv/bin:$PATH\n"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shape(answer: Any) -> Any:
    """Returns what an answer is made of, whatever it says."""
    if isinstance(answer, dict):
        return {name: shape(value) for name, value in answer.items()}
    return [shape(each) for each in answer[:1]] if isinstance(answer, list) else type(answer)


def test_the_commands_of_the_experience_api_answer_what_is_printed(checkout: Path) -> None:
    text = PAGE.read_text().partition("## Errors")[0]
    (_, setup), *blocks = BLOCK.findall(text)
    stack = Stack.start(checkout / "var")
    try:
        answers = {
            command: shell(
                PATHED + setup + command,
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
