"""The Swagger console in a real browser, as section 11 of the iAutomate guide walks through it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.dialects.test_iautomate import REPORT

if TYPE_CHECKING:
    from .conftest import Open

pytestmark = pytest.mark.envoy


@pytest.mark.parametrize("path", ["/swagger", "/swagger/ui/index"])
def test_the_status_of_a_runbook_is_updated_from_the_page(open_page: Open, path: str) -> None:
    page = open_page(path)
    page.get_by_role("button", name="Authorize").first.click()
    form = page.locator(".auth-container").filter(has=page.get_by_label("Username"))
    form.get_by_label("Username").fill("demo@example.com")
    form.get_by_label("Password").fill("demo")
    form.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").first.click()

    expect(page.locator("#select")).to_have_value("/openapi/iautomate.json")
    operation = page.locator(".opblock").filter(
        has=page.locator('[data-path="/iAutomateAPI/Request/UpdateRunbookStatus/{orgentityid}"]')
    )
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    org, body = (
        operation.get_by_placeholder("orgentityid"),
        operation.locator("textarea.body-param__text"),
    )
    expect(org).to_have_value("1")  # what the guide prints is there already
    expect(body).to_have_value(re.compile('"TicketNumber": "INC0303863"'))
    org.fill("1")
    body.fill(json.dumps({"JobId": "1"} | REPORT))
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"status": "Success"')
