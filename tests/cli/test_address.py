from __future__ import annotations

import socket

import pytest

from polydesk.cli.address import Address
from polydesk.cli.failure import Failure


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("localhost:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("0.0.0.0:80", "0.0.0.0:80"),
    ],
)
def test_an_address_is_read(text: str, means: str) -> None:
    assert str(Address.parse(text)) == means


@pytest.mark.parametrize("text", ["", "8080", ":8080", "desk.example:80", "127.0.0.1:http"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Failure, match=r"such as 127\.0\.0\.1:8080"):
        Address.parse(text)


@pytest.mark.parametrize("port", [0, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(Failure, match="from 1 to 65535"):
        Address.parse(f"127.0.0.1:{port}")


def test_a_wildcard_is_reached_over_loopback() -> None:
    wildcard = Address.parse("0.0.0.0:80")

    assert not wildcard.is_loopback
    assert str(wildcard.reachable) == "127.0.0.1:80"
    assert str(Address.parse("[::]:80").reachable) == "[::1]:80"


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address.parse(f"127.0.0.1:{listener.getsockname()[1]}")

        with pytest.raises(Failure, match="is taken by another program; choose another with"):
            address.check_free()


def test_a_port_shared_by_reuse_is_taken_too() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as listener:
        address = Address.parse(f"127.0.0.1:{listener.getsockname()[1]}")

        with pytest.raises(Failure, match="is taken"):
            address.check_free()


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(Failure, match=r"192\.0\.2\.1 is no address of this machine"):
        Address.parse("192.0.2.1:8080").check_free()
