"""A page of metrics, as Prometheus reads it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple, Self

from prometheus_client.parser import text_string_to_metric_families


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


class Page:
    """The samples of a page; `text` is the page itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            Sample(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    @classmethod
    def of(cls, address: str, path: str = "/metrics") -> Self:
        """Reads the page of a process."""
        status, text = ask(address, path)
        assert status == 200, text
        return cls(text)

    def sum(self, name: str, **labels: str) -> float:
        """Adds up the samples that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def ask(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    """Returns the status and the text of an answer."""
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def told(log: Path, event: str) -> list[str]:
    """Returns the addresses that processes have told in their log under an event."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line["address"] for line in lines if line["event"] == event]


def free_row(length: int) -> int:
    """Returns the first of some free ports in a row."""
    for first in range(20_011, 32_000, length):
        with ExitStack() as listening, suppress(OSError):
            for port in range(first, first + length):
                listening.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise RuntimeError("no free ports in a row")
