"""What is built and installed: from the sources alone, and with all that is generated."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest
from mypy import api as mypy

ROOT = Path(__file__).parents[1]
PACKAGE = Path("services", "polydesk")
# What programs write that import the wheel; mypy has to refuse the marked lines, and no other.
PROGRAM = """
from typing import Any
import grpc.aio
from polydesk.api.v1.note_pb2 import GetNoteRequest, Note
from polydesk.api.v1.note_pb2_grpc import NoteServiceServicer, NoteServiceStub
from polydesk.api.v1.ticket_pb2 import GetTicketRequest, WatchTicketsRequest
from polydesk.client import Client

Context = grpc.aio.ServicerContext[Any, Any]


async def read(channel: grpc.aio.Channel, client: Client) -> str:
    note = await NoteServiceStub(channel).GetNote(GetNoteRequest(), timeout=1.0)
    note.text  # attr-defined
    ticket = await client.tickets.GetTicket(GetTicketRequest(name="tickets/1"))
    await client.tickets.GetTicket(GetNoteRequest())  # arg-type
    await client.tickets.GetTickets(GetTicketRequest())  # attr-defined
    async for answer in client.tickets.WatchTickets(WatchTicketsRequest()):
        answer.changed.ticket.summry  # attr-defined
    client.tickets.GetTicket(GetTicketRequest())  # unused-awaitable
    return ticket.summary + note.body


class Right(NoteServiceServicer):
    async def GetNote(self, request: GetNoteRequest, context: Context) -> Note:
        return Note(name=request.name)


class Wrong(NoteServiceServicer):
    async def GetNote(self, request: GetTicketRequest, context: Context) -> Note:  # override
        return Note(name=request.name)
"""
SHOW = "import polydesk.api.v1.ticket_pb2, polydesk; print(polydesk.__file__)"


class Built(NamedTuple):
    """The wheel of a tree, the sdist of the tree, and the wheel of that sdist."""

    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    for name, options in {"wheel": ["--wheel"], "both": []}.items():
        tree = copy_sources(folder / f"tree of {name}")
        uv("build", *options, "--out-dir", folder / name, tree, python=sys.executable)
    return Built(
        wheel=only(folder / "wheel", "*.whl"),
        sdist=only(folder / "both", "*.tar.gz"),
        wheel_of_sdist=only(folder / "both", "*.whl"),
    )


def copy_sources(target: Path) -> Path:
    """Copies the working tree without what git ignores, and so without what is generated."""
    patterns = ["/.git/", *(ROOT / ".gitignore").read_text().split()]
    ignored = [each if each.startswith("/") else f"*/{each}" for each in patterns]

    def left_out(folder: str, names: Sequence[str]) -> set[str]:
        place = Path("/") / Path(folder).relative_to(ROOT)
        return {name for name in names if any(fnmatch(f"{place / name}/", it) for it in ignored)}

    shutil.copytree(ROOT, target, ignore=left_out)
    assert not (target / PACKAGE / "api").exists()
    return target


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def uv(*words: str | Path, python: str | Path) -> None:
    program = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    assert program, "uv is missing: make sets it up"
    run(program, "--quiet", *words, "--python", python)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs a command that has to succeed, and that knows nothing of this checkout."""
    left_out = ("POLYDESK_", "PYTHON", "VIRTUAL_ENV")
    known = {name: said for name, said in os.environ.items() if not name.startswith(left_out)}
    done = subprocess.run(command, cwd=cwd, env=known, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def install(folder: Path, *what: str | Path) -> Path:
    """Installs into a new environment, and returns the folder of its programs.

    Its dependencies are those of this environment, named by a .pth file. Python does not read the
    .pth files in there, so the polydesk that is installed here is not found.
    """
    uv("venv", folder, python=sys.executable)
    base = {"base": str(folder), "platbase": str(folder)}
    ours = Path(sysconfig.get_path("purelib", vars=base)) / "dependencies.pth"
    theirs = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    ours.write_text("".join(f"{each}\n" for each in sorted(theirs)))
    programs = Path(sysconfig.get_path("scripts", vars=base))
    uv("pip", "install", "--no-deps", *what, python=programs / "python")
    return programs


def contents_of(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sources() -> set[str]:
    """Returns what lies in the package before anything is generated."""
    services = ROOT / PACKAGE.parent
    found = (it.relative_to(services) for it in (ROOT / PACKAGE).rglob("*") if it.is_file())
    return {str(path) for path in found if not {"__pycache__", "api"} & {*path.parts}}


def test_the_wheel_holds_the_sources_and_what_is_generated(built: Built) -> None:
    names = contents_of(built.wheel).keys()

    assert names >= sources()
    assert names >= {
        "polydesk/py.typed",
        "polydesk/api/v1/ticket_pb2.py",
        "polydesk/api/v1/ticket_pb2.pyi",
        "polydesk/api/v1/ticket_pb2_grpc.pyi",
        "polydesk/api/iautomate/v1/iautomate_pb2_grpc.py",
        "polydesk/api/iautomate/v1/iautomate_pb2_grpc.pyi",
        "polydesk/api/descriptors.binpb",
        "polydesk/api/envoy.yaml",
        "polydesk/api/gateway.lua",
        "polydesk/store/migrations/env.py",
    }


def test_the_wheel_puts_nothing_but_polydesk_among_the_packages(built: Built) -> None:
    tops = {name.partition("/")[0] for name in contents_of(built.wheel)}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"polydesk"}
    assert not any("__pycache__" in name for name in contents_of(built.wheel))


def test_the_sdist_holds_all_that_a_checkout_needs_and_nothing_generated(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert names >= {"Makefile", "README.md", "LICENSE", "uv.lock", "tests/conftest.py"}
    assert names >= {"proto/compile.py", "proto/polydesk/api/v1/ticket.proto"}
    assert not any(name.startswith("services/polydesk/api/") for name in names)


def test_the_sdist_builds_the_same_wheel(built: Built) -> None:
    assert contents_of(built.wheel_of_sdist) == contents_of(built.wheel)


def test_a_mistyped_call_is_found_by_the_types_of_the_wheel(built: Built, tmp_path: Path) -> None:
    programs = install(tmp_path / "venv", built.wheel)
    (tmp_path / "program.py").write_text(PROGRAM)
    options = ["--strict", "--enable-error-code=unused-awaitable", "--config-file="]
    options += [f"--python-executable={programs / 'python'}", f"--cache-dir={tmp_path / 'cache'}"]

    told, failed, _ = mypy.run([*options, str(tmp_path / "program.py")])

    refused = re.findall(r"program\.py:(\d+): error: .* \[(\S+)\]", told)
    lines = PROGRAM.splitlines()
    marked = [
        (str(at), line.split("  # ")[1]) for at, line in enumerate(lines, 1) if "  # " in line
    ]
    assert refused == marked, told + failed


@pytest.mark.envoy
def test_an_installed_wheel_works_away_from_the_checkout(built: Built, tmp_path: Path) -> None:
    programs = install(tmp_path / "venv", built.wheel)

    where = Path(run(programs / "python", "-c", SHOW, cwd=tmp_path).strip())
    run(programs / "polydesk", "migrate", "--data", tmp_path, cwd=tmp_path)
    checked = run(programs / "polydesk", "gateway", "--check", cwd=tmp_path)

    assert where.is_relative_to(tmp_path / "venv")
    assert (tmp_path / "polydesk.db").is_file()
    assert checked == "Envoy takes the configuration\n"


@pytest.mark.envoy
def test_an_editable_install_generates_into_its_tree(tmp_path: Path) -> None:
    tree = copy_sources(tmp_path / "tree")

    programs = install(tmp_path / "venv", "--editable", tree)

    where = Path(run(programs / "python", "-c", SHOW, cwd=tmp_path).strip())
    assert where == tree / PACKAGE / "__init__.py"
    checked = run(programs / "polydesk", "gateway", "--check", cwd=tmp_path)
    assert checked == "Envoy takes the configuration\n"
