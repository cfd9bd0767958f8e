from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from polydesk.cli.folder import DataFolder
from tests.stack import free_port

from .conftest import EXAMPLE, Command, Site, is_alive, wait_until

pytestmark = pytest.mark.envoy
TICKET = "/v2/incident/TicketStatus/INC0303863/1"


def test_the_demo_answers_and_says_where_it_is(site: Site) -> None:
    said = site.log.read_text()

    assert site.ask(TICKET) == 200
    assert site.url in said
    assert str(site.data) in said
    assert "demo@example.com / demo" in said
    assert (site.data / "logs" / "access.log").is_file()


@pytest.mark.parametrize("program", ["hub", "worker", "envoy"])
def test_a_killed_program_is_started_again(site: Site, program: str) -> None:
    pid = site.children()[program]

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: site.children().get(program, pid) != pid)
    wait_until(lambda: site.ask(TICKET) == 200)


def test_a_second_site_on_the_same_data_is_refused(site: Site, command: Command) -> None:
    done = command("up", "--data", str(site.data), "--listen", f"127.0.0.1:{free_port()}")

    assert done.status == 1
    assert f"in use by another hub (pid {site.process.pid})" in done.err


def test_a_second_site_on_the_same_port_is_refused(site: Site, command: Command) -> None:
    done = command("up", "--listen", site.listen)

    assert done.status == 1
    assert f"{site.listen} is taken by another program" in done.err


def test_no_secret_stands_in_the_process_list(site: Site) -> None:
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in site.children().values()]

    assert len(lines) == 3
    assert not any(b"demo" in line for line in lines)


def test_a_log_is_imported_and_a_second_import_changes_nothing(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    log = site.data / "log.csv"
    log.write_text(LOG)
    arguments = ["import", str(log), "--map", str(EXAMPLE), "--url", site.url, "--org", "5"]

    first = command(*arguments, "--user", "demo@example.com")
    read = pushed(site)
    second = command(*arguments, "--user", "demo@example.com", "--batch", "1")

    assert first.out.startswith("3 rows of 1 tickets in ")
    assert second.status == 0
    assert read["StatusCode"] == "Resolved"
    assert read["LastModifiedDate"] == "2016-02-29 11:29:00.000"
    assert pushed(site) == read


def test_the_import_names_the_line_that_the_hub_refuses(
    site: Site, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POLYDESK_PASSWORD", "demo")
    log = tmp_path / "log.csv"
    log.write_text(LOG.replace("INC0000099,Active", "INC0000099,?"))

    done = command(
        "import", str(log), "--map", str(EXAMPLE), "--url", site.url, "--org", "7",
        "--user", "demo@example.com",
    )  # fmt: skip

    assert done.status == 1
    assert f"line 3 of {log}: StatusCode" in done.err
    assert "the 1 rows pushed before it are in" in done.err


def test_a_signal_ends_the_whole_and_the_call_under_way_is_answered(own_site: Site) -> None:
    children = own_site.children()
    answers: list[int] = []
    calling = threading.Thread(target=lambda: answers.append(push_many(own_site)))

    calling.start()
    wait_until(lambda: (own_site.data / "polydesk.db-wal").stat().st_size > 500_000)
    status = own_site.end()
    calling.join()

    assert status == 0
    assert answers == [200]
    assert not any(is_alive(pid) for pid in children.values())
    assert own_site.ask(TICKET) == 0


def test_the_children_of_a_killed_site_end_with_it(own_site: Site) -> None:
    children = own_site.children()
    sockets = Path(Path(f"/proc/{children['envoy']}/cmdline").read_text().split("\0")[2]).parent

    own_site.process.kill()
    own_site.process.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in children.values()), seconds=5)
    with DataFolder(own_site.data):
        shutil.rmtree(sockets)


def pushed(site: Site) -> dict[str, str]:
    query = "queryParams=%7B%22filter%22:%22ticket_number=INC0000099%22%7D"
    status, answer = site.call("GET", f"/v2/incident/orgentityid/5?{query}")
    assert (status, answer["Count"]) == (200, 1)
    ticket: dict[str, str] = answer["Result"][0]
    return ticket


def push_many(site: Site) -> int:
    ticket = {
        "Summary": "many", "Description": "x" * 500, "sys_id": "1", "StatusCode": "1",
        "CreationDate": "2024-01-01 00:00:00", "LastModifiedDate": "2024-01-01 00:00:00",
        "IsTimeZoneOrOffset": "GMT", "IsEpoch": "N", "ModuleId": "1",
    }  # fmt: skip
    tickets = [ticket | {"TicketNumber": f"MANY{number}"} for number in range(10_000)]
    return site.call("POST", "/v2/incident/orgentityid/1", tickets)[0]


LOG = """\
number,incident_state,active,reassignment_count,reopen_count,sys_mod_count,made_sla,caller_id,opened_by,opened_at,sys_created_by,sys_created_at,sys_updated_by,sys_updated_at,contact_type,location,category,subcategory,u_symptom,cmdb_ci,impact,urgency,priority,assignment_group,assigned_to,knowledge,u_priority_confirmation,notify,problem_id,rfc,vendor,caused_by,closed_code,resolved_by,resolved_at,closed_at
INC0000099,New,TRUE,0,0,0,TRUE,Caller 2403,Opened by  8,29-02-2016 01:16,Created by 6,29-02-2016 01:23,Updated by 21,29-02-2016 01:23,Phone,Location 143,Category 55,Subcategory 170,Symptom 72,?,2 - Medium,2 - Medium,3 - Moderate,Group 56,?,TRUE,FALSE,Do Not Notify,?,?,?,?,code 5,Resolved by 149,29-02-2016 11:29,05-03-2016 12:00
INC0000099,Active,TRUE,0,0,2,TRUE,Caller 2403,Opened by  8,29-02-2016 01:16,Created by 6,29-02-2016 01:23,Updated by 642,29-02-2016 08:53,Phone,Location 143,?,?,?,?,2 - Medium,2 - Medium,3 - Moderate,Group 56,?,TRUE,FALSE,Do Not Notify,?,?,?,?,code 5,Resolved by 149,29-02-2016 11:29,05-03-2016 12:00
INC0000099,Resolved,TRUE,0,0,3,TRUE,Caller 2403,Opened by  8,29-02-2016 01:16,Created by 6,29-02-2016 01:23,Updated by 804,29-02-2016 11:29,Phone,Location 143,?,?,?,?,2 - Medium,2 - Medium,3 - Moderate,Group 56,?,TRUE,FALSE,Do Not Notify,?,?,?,?,code 5,Resolved by 149,29-02-2016 11:29,05-03-2016 12:00
"""  # noqa: E501 - one row a line
