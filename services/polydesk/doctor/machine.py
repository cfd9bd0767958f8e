"""The machine: Python, its packages, the folders of the hub, and the disks below them."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from polydesk.config import Settings
from polydesk.doctor.finding import Finding, doubtful, well, wrong

_PYTHON: Final = (3, 11)
_MB: Final = 1024 * 1024
_LEAST: Final = 200 * _MB
_SCANT: Final = 2_048 * _MB
_OTHERS: Final = 0o077
# Locks of SQLite are not to be relied on there.
_NETWORKS: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"}
)
_MOUNTS: Final = Path("/proc/self/mounts")


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Yields what there is to say of Python and of the folders."""
    yield _python()
    yield _packages()
    yield _folder(settings)
    yield _space(settings)
    yield _network(settings)
    yield _blobs(settings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _PYTHON:
        return wrong("python", f"Python {version}: 3.11 or later is needed")
    return well("python", f"Python {version}")


def _packages() -> Finding:
    amiss = list(missing(metadata.requires("polydesk") or ()))
    if amiss:
        return wrong("packages", f"install them again: {'; '.join(amiss)}")
    return well("packages", f"polydesk {metadata.version('polydesk')} has all that it asks for")


def missing(requirements: Iterable[str]) -> Iterator[str]:
    """Yields what of these is not installed, or in another version."""
    for text in requirements:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield f"{wanted.name} is missing"
        else:
            if not wanted.specifier.contains(found, prereleases=True):
                yield f"{wanted.name} is {found}, and {wanted.specifier} is needed"


def _folder(settings: Settings) -> Finding:
    folder = settings.data.resolve()
    if not folder.is_dir():
        return wrong("data folder", f"{folder} is not there: polydesk migrate makes it")
    if told := unwritable(folder):
        return wrong("data folder", f"{told}: give it to the user that the hub runs as")
    if folder.stat().st_mode & _OTHERS:
        return doubtful("data folder", f"others can look into {folder}: chmod 700 it")
    return well("data folder", f"{folder} can be written")


def unwritable(folder: Path) -> str:
    """Returns why nothing can be written into a folder, or nothing."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return ""
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror})"


def _space(settings: Settings) -> Finding:
    folder = _nearest(settings.data)
    return judge_space(folder, shutil.disk_usage(folder).free)


def judge_space(folder: Path, free: int) -> Finding:
    """Says whether so many bytes are enough."""
    told = f"{free // _MB:,} MB are free where {folder} is"
    if free < _LEAST:
        return wrong("disk space", f"{told}: make room, or writes will fail")
    if free < _SCANT:
        return doubtful("disk space", f"{told}: make room soon")
    return well("disk space", told)


def _network(settings: Settings) -> Finding:
    folder = _nearest(settings.data)
    kind = file_system(folder, _MOUNTS.read_text()) if _MOUNTS.exists() else ""
    if kind in _NETWORKS and settings.embedded:
        return wrong(
            "file system",
            f"{folder} is on {kind}, a network: move it to a disk of this machine, or use"
            " PostgreSQL, for SQLite's locks are not safe there",
        )
    return well("file system", f"{folder} is on {kind or 'a disk'}")


def file_system(path: Path, mounts: str) -> str:
    """Returns the kind of file system that a path is on, by the table of mounts."""
    found, longest = "", -1
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split()
        point = point.encode().decode("unicode_escape")  # a blank is \\040
        if path.is_relative_to(point) and len(point) >= longest:
            found, longest = kind, len(point)
    return found


def _blobs(settings: Settings) -> Finding:
    folder = settings.blobs_folder
    if settings.blobs and not folder.is_dir():
        return wrong("attachments", f"{folder}, which POLYDESK_BLOBS names, is not there: make it")
    if folder.is_dir() and (told := unwritable(folder)):
        return wrong("attachments", f"{told}: give it to the user that the hub runs as")
    if not settings.embedded and not settings.blobs:
        return doubtful(
            "attachments",
            f"files stay in {folder}: hubs on several machines need POLYDESK_BLOBS, a folder"
            " that they share",
        )
    return well("attachments", f"files are kept in {folder}")


def _nearest(path: Path) -> Path:
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path
