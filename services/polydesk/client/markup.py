"""HTML as plain text, as far as an e-mail needs it: words and lines, nothing of how they look."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_HIDDEN: Final = frozenset({"head", "script", "style", "template", "title"})
_LINES: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)


def text_of(html: str) -> str:
    """Returns the text of a page."""
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # a declaration that is none: `<![x`
        return _tidy(re.sub(r"<[^>]*>", " ", html))
    return _tidy("".join(reader.pieces))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begins a line, or what is not shown."""
        del attrs
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":  # whoever forgets `</head>` has a text all the same
            self._hidden.clear()
        elif tag in _LINES:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """Ends a line, or what is not shown."""
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag in _LINES and tag != "br":
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Keeps words; where lines end in the source means nothing."""
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _tidy(text: str) -> str:
    lines = [re.sub(r"[ \t\xa0]+", " ", line).strip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
