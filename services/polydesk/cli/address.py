"""Addresses to listen on."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from polydesk.cli.failure import Failure


class Address(NamedTuple):
    """An IP address and a port."""

    ip: IPv4Address | IPv6Address
    port: int

    @classmethod
    def parse(cls, text: str, *, lowest: int = 1) -> Address:
        """Reads `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`."""
        host, _, port = text.rpartition(":")
        host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
        try:
            address = cls(ip_address(host), int(port))
        except ValueError:
            raise Failure(f"{text!r} is no ADDRESS:PORT, such as 127.0.0.1:8080") from None
        if not lowest <= address.port <= 65535:  # noqa: PLR2004 - TCP has that many
            raise Failure(f"{address.port} is no port: ports go from 1 to 65535")
        return address

    def __str__(self) -> str:
        host = f"[{self.ip}]" if self.ip.version == 6 else str(self.ip)  # noqa: PLR2004 - IPv6
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Tells whether only this machine can come here."""
        return self.ip.is_loopback

    @property
    def reachable(self) -> Address:
        """Returns an address at which this machine itself comes here."""
        if not self.ip.is_unspecified:
            return self
        return Address(type(self.ip)("127.0.0.1" if self.ip.version == 4 else "::1"), self.port)  # noqa: PLR2004 - IPv4

    def next(self, steps: int) -> Address:
        """Returns the address so many ports further; port 0 is any, and stays so."""
        return self._replace(port=self.port + steps) if self.port else self

    def check_free(self, setting: str = "--listen") -> None:
        """Raises Failure where nothing can listen here now."""
        family = socket.AF_INET if isinstance(self.ip, IPv4Address) else socket.AF_INET6
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((str(self.ip), self.port))
                listener.listen(1)
            except OSError as error:
                raise Failure(self._explain(error, setting)) from error

    def _explain(self, error: OSError, setting: str) -> str:
        if error.errno == errno.EADDRINUSE:
            return f"{self} is taken by another program; choose another with {setting}"
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{self.ip} is no address of this machine; choose another with {setting}"
        if error.errno == errno.EACCES:
            return f"this user may not listen on port {self.port}; choose another with {setting}"
        return f"nothing can listen on {self}: {error.strerror}"
