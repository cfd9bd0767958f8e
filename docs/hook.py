"""What mkdocs does besides: adds pages that are made, and leads links out of docs/ into them."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from posixpath import relpath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from docs import reference  # noqa: E402 - mkdocs loads this file by its path

# Documents of the project's folder that are pages of the site, too.
_BORROWED: Final = {
    "README.md": "start.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK: Final = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the reference to the navigation."""
    for section in config.nav or ():
        if "Reference" in section:
            section["Reference"] = reference.navigation()
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    for path, text in reference.pages().items():
        files.append(File.generated(config, path, content=text))
    for name, path in _BORROWED.items():
        files.append(File.generated(config, path, content=(_ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Leads links to files of the project to the pages that stand for them."""
    source = page.file.src_uri
    if source.startswith("reference/"):
        return markdown
    return _LINK.sub(lambda found: f"]({_led(found[1], source)}", markdown)


def _led(link: str, source: str) -> str:
    borrowed = {path: name for name, path in _BORROWED.items()}
    origin = _ROOT / borrowed.get(source, f"docs/{source}")
    target = (origin.parent / link).resolve()
    if not target.is_relative_to(_ROOT):
        return link
    page = _page(target.relative_to(_ROOT).as_posix())
    return relpath(page, PurePosixPath(source).parent) if page else link


def _page(path: str) -> str:
    """Returns the page of the site that stands for a file of the project."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("proto/"):
        contract = path.removeprefix("proto/")
        return reference.page_of(contract) if contract.endswith(".proto") else reference.CONTRACTS
    return _BORROWED.get(path, "")
