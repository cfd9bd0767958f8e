"""The desk view as its user works with it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from .browser import MODULES, install


class DeskView:
    """A page that somebody has logged in to, in one org."""

    def __init__(self, page: Page, org: int) -> None:
        self.page = page
        self._org = org

    def log_in(self, login: str = "demo@example.com", password: str = "demo") -> None:
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def go(self, part: str) -> None:
        """Goes to a part as a bookmark would: `tickets/42`."""
        self.page.evaluate("place => { location.hash = place }", f"#/orgs/{self._org}/{part}")

    def is_live(self) -> None:
        expect(self.page.locator("header .standing")).to_have_text("Live")

    def row(self, text: str) -> Locator:
        return self.page.locator("table.list tbody tr").filter(has_text=text)

    def panel(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title)


def violations(page: Page) -> list[dict[str, Any]]:
    """Returns what axe-core finds serious or critical, and where."""
    install()
    page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        {
            "id": each["id"],
            "help": each["help"],
            "nodes": [f"{node['html']} {node['failureSummary']}" for node in each["nodes"]],
        }
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
