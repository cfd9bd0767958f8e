"""The desk view in a real browser: what an operator sees and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .browser import install, node
from .desk import DeskView, violations

if TYPE_CHECKING:
    from .conftest import Open
    from .site import Site

pytestmark = pytest.mark.envoy


@pytest.fixture
def org(site: Site) -> int:
    return site.new_org()


@pytest.fixture
def desk(open_page: Open, org: int) -> DeskView:
    view = DeskView(open_page(f"/console#/orgs/{org}/tickets"), org)
    view.log_in()
    view.is_live()
    return view


def test_a_wrong_password_is_told_and_leads_nowhere(open_page: Open) -> None:
    page = open_page("/console")
    DeskView(page, 1).log_in(password="wrong")

    expect(page.get_by_role("alert")).to_contain_text("incorrect")
    expect(page.get_by_label("Login")).to_be_visible()


def test_neither_password_nor_token_is_stored_and_a_reload_asks_again(desk: DeskView) -> None:
    stored = desk.page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    desk.page.reload()

    assert "demo" not in stored
    assert "eyJ" not in stored
    expect(desk.page.get_by_label("Password")).to_be_visible()


def test_a_ticket_that_is_pushed_appears_without_a_reload(
    desk: DeskView, site: Site, org: int
) -> None:
    expect(desk.page.get_by_text("No ticket fits.")).to_be_visible()

    site.push(org, "INC1", Summary="the printer is on fire")

    row = desk.row("the printer is on fire")
    expect(row).to_be_visible(timeout=2_000)
    expect(row).to_contain_text("INC1")
    expect(row.locator(".badge")).to_have_text(["iAutomate"])
    expect(desk.page.get_by_text("1 new ticket")).to_be_visible()


def test_a_ticket_changes_where_it_stands_when_another_dialect_changes_it(
    desk: DeskView, site: Site, org: int
) -> None:
    site.push(org, "INC1")
    site.push(org, "INC2", Summary="the other one")
    name = site.ticket(org, "INC1").replace("tickets", "incidents")
    expect(desk.row("INC1").locator(".state")).to_have_text("Logged")

    site.call("POST", f"/desk/v1/{name}:assign", {"assignee": "ann@example.com"})

    expect(desk.row("INC1").locator(".state")).to_have_text("Active")
    expect(desk.row("INC1")).to_contain_text("ann@example.com")
    expect(desk.row("INC1").locator(".badge")).to_have_text(["iAutomate", "Desk API"])
    expect(desk.page.locator("table.list tbody tr").first).to_contain_text("INC1")


def test_tickets_are_filtered_by_text_choices_and_expressions_as_they_come(
    desk: DeskView, site: Site, org: int
) -> None:
    site.push(org, "INC1", Summary="the printer is on fire")
    site.push(org, "INC2", Summary="the lift is stuck")
    rows = desk.page.locator("table.list tbody tr")
    expect(rows).to_have_count(2)

    desk.page.get_by_label("Text").fill("PRINTER")
    expect(rows).to_have_count(1)
    site.push(org, "INC3", Summary="no printer, no problem")
    site.push(org, "INC4", Summary="the lift again")
    expect(rows).to_have_count(2)
    expect(desk.row("the lift")).to_have_count(0)

    desk.page.get_by_label("Text").fill("")
    desk.page.get_by_label("State").select_option("Closed")
    expect(desk.page.get_by_text("No ticket fits.")).to_be_visible()
    desk.page.get_by_label("State").select_option("Any")
    desk.page.get_by_label("Dialect").select_option("iAutomate")
    expect(rows).to_have_count(4)

    desk.page.get_by_label("Filter").fill('summary : "lift" AND NOT number = INC2')
    expect(rows).to_have_count(1)
    expect(desk.row("the lift again")).to_be_visible()
    site.push(org, "INC5", Summary="a third lift")
    expect(rows).to_have_count(2)


def test_a_ticket_shows_its_journal_its_history_and_how_each_dialect_sees_it(
    desk: DeskView, site: Site, org: int
) -> None:
    burns = {"Summary": "the printer is on fire", "StatusCode": "Burning", "ResolvedDate": ""}
    site.push(org, "INC1", **burns, Col1="room 7")
    name = site.ticket(org, "INC1")
    note = {"kind": "KIND_COMMENT", "subject": "Seen", "body": "It smokes."}
    site.call("POST", f"/desk/v1/{name}/notes", note)
    desk.row("INC1").get_by_role("link").click()

    expect(desk.page.get_by_role("heading", level=1)).to_have_text("the printer is on fire")
    expect(desk.panel("Journal")).to_contain_text("It smokes.")
    expect(desk.panel("History").locator("li strong")).to_have_text(["note", "create"])
    views = desk.panel("As each dialect sees it")
    v2 = views.get_by_role("article", name="iAutomate V2")
    expect(v2).to_contain_text(f"GET /v2/incident/orgentityid/{org}")
    expect(v2).to_contain_text("Burning")
    expect(v2).to_contain_text("room 7")
    expect(views.get_by_role("article", name="Polydesk's own")).to_contain_text("STATE_LOGGED")

    desk.page.get_by_label("New note").fill("The brigade is here.")
    desk.page.get_by_role("button", name="Add").click()
    expect(desk.panel("Journal").locator("li").first).to_contain_text("The brigade is here.")

    site.push(org, "INC1", Summary="the printer is ash", LastModifiedDate="2026-01-01 00:00:00")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("the printer is ash")
    expect(desk.panel("History").locator("del")).to_contain_text(["the printer is on fire"])


def test_dialects_that_work_in_the_callers_own_org_show_a_ticket_of_it(open_page: Open) -> None:
    view = DeskView(open_page("/console#/orgs/1/tickets/908859"), 1)
    view.log_in()

    views = view.panel("As each dialect sees it")
    for title, word in (
        ("ServiceOps", "The candidate portal is slow"),
        ("Ivanti experience API", "Ten seconds a page."),
        ("iAutomate V1", "The candidate portal is slow"),
        ("Ivanti Service Manager", "The candidate portal is slow"),
        ("SmartOps", "The candidate portal is slow"),
    ):
        expect(views.get_by_role("article", name=title)).to_contain_text(word)


def test_a_run_is_drawn_followed_and_approved(desk: DeskView, site: Site, org: int) -> None:
    run = site.start(org)
    desk.page.get_by_role("link", name="Runs").click()
    expect(desk.row("free the disk").locator(".state")).to_have_text("Pending approval")
    desk.row("free the disk").get_by_role("link").click()

    graph = desk.page.get_by_role("group", name="Graph of the run")
    expect(graph.get_by_role("button")).to_have_count(5)
    expect(graph.get_by_role("button", name="tell Waiting")).to_be_visible()
    expect(graph.locator("[data-edge]")).to_have_count(5)
    expect(desk.page.get_by_role("log")).to_contain_text("looked")
    desk.page.get_by_label("Why").fill("by the book")
    desk.page.get_by_role("button", name="Approve").click()

    expect(desk.page.locator("h1 + .state")).to_have_text("Succeeded")
    expect(graph.get_by_role("button", name="tell Succeeded")).to_be_visible()
    expect(desk.page.get_by_role("log")).to_contain_text("told")
    graph.get_by_role("button", name="clean Succeeded").click()
    expect(desk.page.get_by_role("log").locator(".stream_stdout code")).to_have_text(["cleaned"])
    ended = site.call("GET", f"/desk/v1/runs/{run}")
    assert next(each for each in ended["nodes"] if each["id"] == "ask")["message"] == (
        "approved by demo@example.com: by the book"
    )


def test_a_run_is_rejected_and_another_one_cancelled(desk: DeskView, site: Site, org: int) -> None:
    desk.go(f"runs/{site.start(org)}")
    desk.page.get_by_role("button", name="Reject").click()
    expect(desk.page.locator("h1 + .state")).to_have_text("Failed")
    expect(desk.page.get_by_role("button", name="Run again what has failed")).to_be_visible()

    desk.go(f"runs/{site.start(org)}")
    expect(desk.page.locator("h1 + .state")).to_have_text("Pending approval")
    desk.page.get_by_role("button", name="Cancel the run").click()
    expect(desk.page.locator("h1 + .state")).to_have_text("Cancelled")


def test_a_reader_looks_on_and_is_offered_nothing_to_decide(open_page: Open, site: Site) -> None:
    org = site.new_org()
    run = site.start(org)
    caller = site.call("GET", "/desk/v1/caller")["name"]
    said = {"org": f"orgs/{org}", "role": "ROLE_READER"}
    site.call("POST", f"/desk/v1/{caller}:setRole", said)
    view = DeskView(open_page(f"/console#/orgs/{org}/runs/{run}"), org)
    view.log_in()

    expect(view.page.locator("h1 + .state")).to_have_text("Pending approval")
    for name in ("Approve", "Reject", "Cancel the run"):
        expect(view.page.get_by_role("button", name=name)).to_have_count(0)


def test_schedules_and_rules_are_shown_and_a_schedule_is_paused(
    desk: DeskView, site: Site, org: int
) -> None:
    book = {"displayName": "outside", "tool": "TOOL_EXTERNAL"}
    runbook = site.call("POST", f"/desk/v1/orgs/{org}/runbooks", book)["name"]
    weekly = {"frequency": "FREQUENCY_WEEKLY", "hour": 2, "minute": 5, "weekdays": [1, 5]}
    schedule = {"runbook": runbook, "tool": "TOOL_EXTERNAL", "recurrence": weekly}
    site.call("POST", f"/desk/v1/orgs/{org}/schedules", schedule)
    rule = {
        "displayName": "full disk",
        "filter": 'summary : "disk full"',
        "runbook": runbook,
        "approval": {"message": "may it?"},
    }
    site.call("POST", f"/desk/v1/orgs/{org}/rules", rule)

    desk.page.get_by_role("link", name="Schedules").click()
    expect(desk.row("outside")).to_contain_text("each Monday, Friday at 02:05 UTC")
    desk.page.get_by_role("button", name="Pause").click()
    expect(desk.row("outside").locator(".when")).to_have_text("Paused")
    desk.page.get_by_role("button", name="Resume").click()
    expect(desk.row("outside").locator("time")).to_be_visible()

    desk.page.get_by_role("link", name="Rules").click()
    card = desk.page.get_by_role("listitem").filter(has_text="full disk")
    for word in ('summary : "disk full"', "outside", "may it?", "On"):
        expect(card).to_contain_text(word)


def test_the_overview_counts_what_comes_as_it_comes(desk: DeskView, site: Site, org: int) -> None:
    site.push(org, "INC1")
    desk.page.get_by_role("link", name="Overview").click()
    chart = desk.panel("What came through each dialect")
    expect(chart.get_by_role("img")).to_have_accessible_name("Changes by dialect: iAutomate 1")

    site.push(org, "INC2")

    expect(chart.get_by_role("img")).to_have_accessible_name("Changes by dialect: iAutomate 2")
    states = desk.panel("Tickets by state").get_by_role("row")
    expect(states.filter(has_text="Logged")).to_contain_text("2")
    expect(desk.panel("What failed").get_by_role("row").nth(1)).to_contain_text("0.0 %")
    desk.page.get_by_label("Hour").check()
    expect(chart.get_by_role("img")).to_have_accessible_name("Changes by dialect: iAutomate 2")


def test_the_whole_way_is_gone_by_the_keyboard(open_page: Open, site: Site) -> None:
    org = site.new_org()
    site.push(org, "INC1", Summary="the first")
    site.push(org, "INC2", Summary="the second")
    page = open_page(f"/console#/orgs/{org}/tickets")
    keys = page.keyboard

    def tab_to(what: str, key: str = "Tab") -> None:
        for _ in range(30):
            keys.press(key)
            if (
                page.evaluate("document.activeElement.textContent + document.activeElement.name")
                == what
            ):
                return
        raise AssertionError(f"the tabulator does not lead to {what}")

    tab_to("login")
    keys.type("demo@example.com")
    keys.press("Tab")
    keys.type("demo")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Tickets")).to_be_focused()
    tab_to("the second")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="the first")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_role("heading", name="Tickets")).to_be_focused()
    tab_to("Skip to the content", "Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_every_part_of_it(
    open_page: Open, site: Site, org: int, scheme: str, width: int
) -> None:
    site.push(org, "INC1")
    name = site.ticket(org, "INC1")
    site.call("POST", f"/desk/v1/{name}/notes", {"kind": "KIND_COMMENT", "body": "It smokes."})
    run = site.start(org)
    view = DeskView(open_page(f"/console#/orgs/{org}/tickets", width=width, scheme=scheme), org)
    assert violations(view.page) == []
    view.log_in()
    for part, ready in {
        "tickets": "table.list",
        name: "article dd",
        "runs": "table.list",
        f"runs/{run}": ".approval",
        "schedules": ".empty",
        "rules": ".empty",
        "overview": ".chart",
    }.items():
        view.go(part)
        view.page.wait_for_selector(ready)
        assert violations(view.page) == [], part
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert view.page.evaluate(overflow) == 0, part


def test_who_prefers_the_dark_has_it_and_may_choose(open_page: Open) -> None:
    page = open_page("/console", scheme="dark")
    view = DeskView(page, 1)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    view.log_in()
    page.get_by_role("button", name="Colours: System").click()

    assert page.evaluate(ground) != dark
    page.reload()
    assert page.evaluate(ground) != dark


def test_the_source_of_the_page_is_typed() -> None:
    install()

    node("node_modules/typescript/bin/tsc", "--project", "console")
