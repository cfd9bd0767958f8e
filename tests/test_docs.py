"""The documents as a whole: no command unplayed, no link astray, no part of the hub left out."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
import typer

from docs import reference
from polydesk.cli import app
from polydesk.config import Login, Settings
from polydesk.server import services
from tests import test_dialect_pages, test_guides, test_pages
from tests.page import DOCS, ROOT, blocks

SOURCES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PLAYED: Final = {
    ROOT / "README.md",  # by test_readme.py
    test_pages.TUTORIAL,
    *test_pages.PAGES,
    *test_pages.ELSEWHERE,
    *test_guides.GUIDES,
    *test_dialect_pages.PAGES,
}
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"^ *(\$ )?(\S*/)?(polydesk|curl|grpcurl|make) ", re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Page(HTMLParser):
    """What a page refers to, what it has fetched, and what may be referred to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors = {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in said:
            self.fetched.append(said["src"])
        if tag == "link" and said.get("rel") != "canonical":
            self.fetched.append(said["href"])


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_command_of_a_page_is_run_by_a_test(source: Path) -> None:
    fences = [(found[1], found[2]) for found in _FENCE.finditer(source.read_text())]

    hidden = [text for language, text in fences if language != "sh" and _COMMAND.search(text)]

    assert not hidden
    assert len(blocks(source)) == [language for language, _ in fences].count("sh")
    assert source in PLAYED or not blocks(source)


def test_each_link_within_the_site_leads_somewhere(site: Path, built: dict[Path, Page]) -> None:
    astray = [
        f"{path.relative_to(site)}: {link}"
        for path, page in built.items()
        if path.name != "404.html"
        for link in page.links
        if not urlsplit(link).scheme and not leads_somewhere(path, link, built)
    ]

    assert not astray


def leads_somewhere(path: Path, link: str, built: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target in built:
        return unquote(parts.fragment) in built[target].anchors
    return target.is_file() or (target / "index.html") in built


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_link_of_a_source_names_a_file_of_the_project(source: Path) -> None:
    text = _FENCE.sub("", source.read_text())
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)

    astray = [
        link for link in links if not urlsplit(link).scheme and not (source.parent / link).exists()
    ]

    assert not astray


def test_reading_the_site_asks_nobody_outside(built: dict[Path, Page]) -> None:
    fetched = {each for page in built.values() for each in page.fetched}

    assert fetched
    assert not [each for each in fetched if urlsplit(each).netloc]


def test_every_service_and_method_is_in_the_reference() -> None:
    pages = reference.pages()
    text = "\n".join(pages.values())

    for file in reference.contracts():
        for service in file.services_by_name.values():
            assert f"## {service.name} {{#" in text
            for method in service.methods:
                assert f"{{#{service.name}.{method.name}}}".lower() in text
    named = {
        service.full_name
        for file in reference.contracts()
        for service in file.services_by_name.values()
    }
    assert named == {name for name in services() if name.startswith("polydesk.")}


def test_every_command_and_option_is_in_the_reference() -> None:
    text = reference.pages()[reference.COMMANDS]

    for path, command in leaves(typer.main.get_command(app), ("polydesk",)):
        _, _, behind = text.partition(f"### {' '.join(path)} {{#")
        section = behind.partition("\n##")[0]
        assert section, path
        for option in (option for each in command.params for option in each.opts):
            assert not option.startswith("--") or option in section, (path, option)


def leaves(command: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        return [(path, command)]
    return [leaf for name, each in below.items() for leaf in leaves(each, (*path, name))]


def test_every_setting_is_in_the_reference() -> None:
    text = reference.pages()[reference.SETTINGS]

    for name in (*Settings.model_fields, *Login.model_fields):
        assert f"| `POLYDESK_{name.upper()}` |" in text


def test_the_layers_are_those_that_are_kept() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (kept,) = (each["layers"] for each in contracts["contracts"] if each["type"] == "layers")
    printed = [found[2] for found in _FENCE.finditer((DOCS / "architecture.md").read_text())]

    assert "".join(f"{layer}\n" for layer in kept) in printed
