"""HCL iAutomate: every documented call through a real Envoy, and what is refused."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote_plus

import pytest

from tests.dialects.iautomate.guide import (
    FORM,
    MULTIPART,
    NUMBER,
    SAVED_V1,
    SAVED_V2,
    details,
    form,
    once,
    pushed,
    pushed_change,
    pushed_service_request,
    pushed_sub_task,
    read,
    read_change_v1,
    read_change_v2,
    read_service_request,
    read_v1,
    read_v2,
    reported,
    scheduled,
    scheduled_v3,
    status,
)
from tests.dialects.sample import Sample, fits, is_answered

V2: Final = "/v2/incident/orgentityid"
V1: Final = "/iAutomateAPI/Request"
CHANGES: Final = "/v2/changeRequests/orgentityid"
REQUESTS: Final = "/v2/serviceRequests/orgentityid"
INVENTORY: Final = "/v2/inventory"
FILES: Final = "/v2/itsmattachment/orgentityid/1"
SYS_ID: Final = "2b535ab3dbc988506d7550d3dc96190e"
# Table 7 prints the full stop, table 9 does not.
SAVED_CHANGE: Final = SAVED_V2 | {"Message": "Change Request saved successfully."}
SCHEDULED: Final = SAVED_V2 | {"Message": "Manage Schedule Runbook inserted successfully"}
SCHEDULES: Final = "/v2/runbook/schedule/orgentityid"
SAVED_SR: Final = SAVED_V2 | {"Message": "Service Request saved successfully"}


def schedule_status(id_: str) -> dict[str, str]:
    """What H22 answers of a schedule, whatever H23 has reported of it."""
    return {
        "ScheduleId": id_,
        "Status": "<text>",
        "StatusText": "<text>",
        "UpdatedDateInGMT": "<time>",
    }


def respelt(name: str, other: str) -> dict[str, str]:
    """A task in which one name is spelt otherwise."""
    task = pushed_change(20) if name == "ChangeId" else pushed_service_request(20)
    return {other if field == name else field: text for field, text in task.items()}


# Every documented call, on the tickets that the demo has. Written from the guide, seed 004.
TICKET_SAMPLES: Final = (
    Sample(
        id="H01",
        note="as printed",
        method="POST",
        path=f"/{V2}/1",
        body=json.dumps([pushed(20)]),
        answer=SAVED_V2,
    ),
    Sample(
        id="H01",
        note="one slash, an event",
        method="POST",
        path=f"{V2}/1",
        body=json.dumps([pushed(20, ModuleId="9")]),
        answer=SAVED_V2,
    ),
    Sample(
        id="H01",
        note="an object for an array of one",
        method="POST",
        path=f"{V2}/1",
        body=json.dumps(pushed(20)),
        answer=SAVED_V2,
    ),
    Sample(
        id="H02",
        note="as printed",
        method="POST",
        path=f"/{V1}/SaveIncidentData/1",
        # "IsEpoch": "Y" beside dates is the guide's own; of its "TIMEZONE/OFFSET/GMT" one is meant.
        body=json.dumps([pushed(5, IsEpoch="Y", IsTimeZoneOrOffset="OFFSET")]),
        answer=SAVED_V1,
    ),
    Sample(
        id="H02",
        note="one slash",
        method="POST",
        path=f"{V1}/SaveIncidentData/1",
        body=json.dumps([pushed(5)]),
        answer=SAVED_V1,
    ),
    *(
        Sample(
            id="H03", note=note, method="POST", path=f"{CHANGES}/1", body=body, answer=SAVED_CHANGE
        )
        for note, body in (
            ("as printed", json.dumps([pushed_change(20)])),
            ("changeid, as its table spells it", json.dumps([respelt("ChangeId", "changeid")])),
        )
    ),
    *(
        Sample(
            id="H04",
            note=note,
            method="POST",
            path=f"{slash}{V1}/SaveChangeRequestTaskData/1",
            body=json.dumps(body),
            answer=SAVED_V1,
        )
        for note, slash, body in (
            ("an object, as printed", "/", pushed_change(5)),
            ("an array, as the guide for 11.0 prints it", "", [pushed_change(5)]),
        )
    ),
    *(
        Sample(id="H05", note=note, method="POST", path=f"{REQUESTS}/1", body=body, answer=SAVED_SR)
        for note, body in (
            ("as printed", json.dumps([pushed_service_request(20)])),
            ("SRid, as its table spells it", json.dumps([respelt("SRId", "SRid")])),
        )
    ),
    *(
        Sample(
            id="H06",
            note=note,
            method="POST",
            path=f"{slash}{V1}/SaveServiceRequestTaskData/1",
            body=json.dumps([pushed_service_request(5)]),
            answer=SAVED_V1,
        )
        for note, slash in (("as printed", "/"), ("one slash", ""))
    ),
    *(
        Sample(
            id="11.1 SaveSubTaskData",
            note=note,
            method="POST",
            path=f"{slash}/v2/sub-task/orgentityid/1",
            body=json.dumps([pushed_sub_task()]),
            answer=SAVED_V2 | {"Message": "Sub Task saved successfully"},
        )
        for note, slash in (("as printed", "/"), ("one slash", ""))
    ),
    Sample(
        id="H08",
        note="curl -g",
        method="GET",
        path=f'{V2}/7?queryParams={{"filter":"ticket_number={NUMBER}"}}',
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="two filters, as requests sends them",
        method="GET",
        path=f"{V2}/7?queryParams=%7B%22filter%22:%22start_date%3E=2019-11-1800:00:00"
        "&end_date%3C=2019-11-18%2006:24:52%22%7D",
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="events, wholly encoded",
        method="GET",
        path=f"{V2}/7?queryParams="
        + quote_plus('{"filter": "ModuleId=9&Ticket_number=INC0303863"}'),
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H08",
        note="no filter",
        method="GET",
        path=f"/{V2}/7",
        answer=read_v2(read(20)),
    ),
    Sample(
        id="H09",
        note="as httpx sends the printed URL",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/7?ModuleId=1&%20start_date%3E=2020-01-29%2007:12:23.607"
        "&end_date%3C=2019-11-18%2006:24:52&",
        answer=read_v1(),
    ),
    Sample(
        id="H09",
        note="as aiohttp sends it, with a range that holds something",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/7?ModuleId=1&+start_date>=2019-01-29+07:12:23.607"
        "&end_date<=2019-11-18+06:24:52&",
        answer=read_v1(read(5)),
    ),
    Sample(
        id="H09",
        note="section 5",
        method="GET",
        path=f"{V1}/GetIncidentTicketData/19",
        answer=read_v1(read(5)),
    ),
    Sample(
        id="H10",
        note="curl -g, dates glued together",
        method="GET",
        path=f'{CHANGES}/7?queryParams={{"filter":"start_date>=2019-01-2907:12:23.607'
        '&end_date<=2019-11-1806:24:52"}',
        answer=read_v2(read_change_v2()),
    ),
    Sample(
        id="H10",
        note="as httpx sends the printed URL",
        method="GET",
        path=f"{CHANGES}/7?queryParams={{%22filter%22:%22start_date%3E=2020-01-2907:12:23.607"
        "&end_date%3C=2019-11-1806:24:52%22}",
        answer=read_v2(),
    ),
    Sample(
        id="H11",
        note="a number",
        method="GET",
        path=f"{V1}/GetChangeTicketData/7?ticket_number=CRT0303863",
        answer=read_v1(read_change_v1()),
    ),
    Sample(
        id="H11",
        note="a range",
        method="GET",
        path=f"/{V1}/GetChangeTicketData/7?start_date>=2019-01-29%2007:12:23.607"
        "&end_date<=2019-11-18%2006:24:52&",
        answer=read_v1(read_change_v1()),
    ),
    Sample(
        id="H12",
        note="as requests sends it",
        method="GET",
        path=f"{REQUESTS}/7?queryParams=%7B%22filter%22:"
        "%22sys_id=3b535ab3dbc988506d7550d3dc96190e%22%7D",
        answer=read_v2(read_service_request(20)),
    ),
    Sample(
        id="H13",
        note="no sample in the guide",
        method="GET",
        path=f"{V1}/GetSRTicketData/7?start_date>=2020-01-29%2007:12:23.607"
        "&end_date<=2020-05-18%2006:24:52&",
        answer=read_v1(read_service_request(5)),
    ),
    Sample(
        id="H18",
        method="POST",
        path="/token",
        content_type=FORM,
        body="grant_type=password&username=APIuser%40hcl.com&password=User+password",
        answer={"access_token": "<text>", "token_type": "bearer", "expires_in": 86399},
    ),
    Sample(
        id="H25",
        note="one",
        method="GET",
        path=f"/v2/incident/TicketStatus/{NUMBER}/1",
        answer=read_v2(status()),
    ),
    Sample(
        id="H25",
        note="several, one of them unknown",
        method="GET",
        path=f"/v2/incident/TicketStatus/INC0303864,{NUMBER},%20{NUMBER}/1",
        answer=read_v2(status()),
    ),
    *(
        Sample(
            id=id_,
            note=note,
            method="GET",
            path=f"/v2/{module}/TicketStatus/{numbers}/1",
            answer=read_v2(status()),
        )
        for id_, module in (
            ("H26", "changeRequests"),
            ("H27", "serviceRequests"),
            ("H28", "event"),
            ("H29", "sub-task"),
        )
        for note, numbers in (("one", NUMBER), ("two, one of them known", f"{NUMBER},INC0303864"))
    ),
    Sample(
        id="H30",
        method="GET",
        path="/v2/secret/InternalVault/demo/1",
        answer={"Count": 1, "Result": "DemoPassword", "Status": "Success", "Message": "Success"},
    ),
    Sample(
        id="6.5.1 upload",
        note="a form with one file",
        method="POST",
        path=f"{FILES}/moduleid/9/uploadattachment?incidentNumber={NUMBER}",
        body=form(("file", "cpu.csv", b"time,load\r\n")),
        content_type=MULTIPART,
        answer={
            "StatusCode": 200,
            "Status": "Success",
            "Message": "Attachment uploaded successfully",
        },
    ),
    *(
        Sample(
            id="H07",
            note=note,
            method="POST",
            path=path,
            body=json.dumps(body),
            answer=SCHEDULED | {"Id": id_},
        )
        for note, path, body, id_ in (
            ("as printed", f"{REQUESTS}/5", [scheduled()], "19532"),
            ("an object", f"{REQUESTS}/5", scheduled(), "19532"),
            ("what runs once", f"{REQUESTS}/5", [once()], "19533"),
            ("the URL of 11.2", f"/{SCHEDULES}/5", scheduled(), "19532"),
            ("the URL of 11.2, an array", f"{SCHEDULES}/5", [scheduled(), once()], "19532,19533"),
            ("V3 of 11.2", "//v3/runbook/schedule/orgentityid/5", scheduled_v3(), "<text>"),
            (
                "V3 of 11.2, at once",
                "/v3/runbook/schedule/orgentityid/5",
                scheduled_v3(IsScheduleNow="Y", IsRecurring="N"),
                "<text>",
            ),
        )
    ),
    *(
        Sample(
            id="H22",
            note=note,
            method="GET",
            path=f"{INVENTORY}/{path}",
            answer=answer,
        )
        for note, path, answer in (
            (
                "as printed",
                "schedulerStatus/1",
                read_v2(schedule_status("3"), schedule_status("19532")),
            ),
            ("one", "schedulerStatus/1?ScheduleId=3", read_v2(schedule_status("3"))),
            ("its example", "3/1", read_v2(schedule_status("3")) | {"id": "3"}),
        )
    ),
    Sample(
        id="H23",
        method="PUT",
        path=f"{INVENTORY}/schedulerStatus/1",
        body=json.dumps([{"ScheduleId": "19532", "Status": "3"}]),
        answer=SAVED_V2 | {"Message": "Schedule Status Updated Successfully"},
    ),
    Sample(
        id="H21",
        method="GET",
        path=f"{INVENTORY}/hostname/1/1/Task1",
        answer=read_v2(details()),
    ),
    *(
        Sample(
            id="H24",
            note=note,
            method="PUT",
            path=f"{INVENTORY}/CIStatus/1",
            body=json.dumps([reported(**fields)]),
            answer=SAVED_V2 | {"Message": "CI Status Updated Successfully"},
        )
        for note, fields in (
            ("as printed", {}),
            ("one host", {"TaskNumber": "Task1", "HostName": "SRVAT0046"}),
        )
    ),
    Sample(
        id="H31",
        method="GET",
        path=f"{FILES}/moduleid/1/getattachmentforsysid?sysId={SYS_ID}",
        answer=b"2019-11-18 00:54:52 testing\n",
    ),
)

REPORT: Final = {
    "TicketNumber": NUMBER,
    "RbaInteractionId": "135",
    "RbaStatusCode": "1",
    "RbaStatusMessage": "iAutomate update",
    **{f"Option{number}": "optional value" for number in range(1, 5)},
}
UPDATED: Final = "Runbook status updated successfully"
# These need a worker.
RUN_SAMPLES: Final = (
    Sample(
        id="H14",
        method="PUT",
        path="/v2/runbooks/orgentityid/1/updaterunbookstatusv2",
        body=json.dumps({"JobId": "10"} | REPORT),
        answer={"Id": "<text>", "Status": "Success", "Message": UPDATED},
    ),
    *(
        Sample(
            id="H15",
            note=note,
            method="PUT",
            path=f"{V1}/UpdateRunbookStatus/1",
            body=json.dumps({"JobId": job} | REPORT),
            answer={"statusCode": 200, "status": "Success", "message": None, "result": "<text>"},
        )
        for note, job in (("JobId is a number, as printed", 1), ("a text", "1"))
    ),
    Sample(
        id="H16",
        method="PUT",
        path=f"{V1}/UpdateRunbookStatusV2/1",
        body=json.dumps(REPORT),
        answer={"statusCode": 200, "status": "Success", "message": UPDATED, "result": None},
    ),
    Sample(
        id="H17",
        method="POST",
        path=f"{V1}/Execute/1/ScriptID/1",
        body=json.dumps({"number": "INC0"}),
        answer={
            "key": "123",
            "URL": "http://<URL>/rest/api/2/issue/",
            "assignee_name": "user",
            "Release_comment": "Ticket_released_from_iAutomate",
        },
    ),
    Sample(
        id="H19",
        method="POST",
        path="/api/v1/Execute/119",
        body=json.dumps(
            {"extra_vars": {"command_to_execute": "uname -a", "target_host": "Myhost"}}
        ),
        answer={"id": "<text>"},
    ),
    Sample(
        id="H20",
        method="GET",
        path="/api/v1/status/119/506",
        answer={
            "results": [
                {
                    "id": "506",
                    "event_data": {
                        "res": {
                            "stdout": "output\n",
                            "cmd": "echo output",
                            "response_message": "output",
                        }
                    },
                }
            ],
            "status": "Successful",
        },
    ),
)
SAMPLES: Final = (*TICKET_SAMPLES, *RUN_SAMPLES)


async def ask(rest: Any, sample: Sample, **headers: str) -> tuple[int, Any]:
    """Plays a sample."""
    sent = {"Content-Type": sample.content_type} if sample.body else {}
    answer = await rest.request(
        sample.method, sample.path, data=sample.body or None, headers=sent | headers
    )
    return answer.status, answer.json()


def posted(
    body: str | bytes, path: str = f"{V2}/1", content_type: str = "application/json"
) -> Sample:
    return Sample(id="", method="POST", path=path, body=body, answer={}, content_type=content_type)


def put(body: Any, path: str) -> Sample:
    return Sample(id="", method="PUT", path=path, body=json.dumps(body), answer={})


def got(path: str) -> Sample:
    return Sample(id="", method="GET", path=path, answer={})


@pytest.mark.envoy
@pytest.mark.parametrize(
    "sample", TICKET_SAMPLES, ids=lambda sample: f"{sample.id} {sample.note}".strip()
)
async def test_a_sample_is_answered_as_documented(rest: Any, sample: Sample) -> None:
    sent = {"Content-Type": sample.content_type} if sample.body else {}

    answer = await rest.request(sample.method, sample.path, data=sample.body or None, headers=sent)

    assert is_answered(sample, answer.status, answer.body), answer


FAIL_V2: Final = {"Id": None, "Status": "Fail", "Message": "<text>"}
FAIL_READ: Final = {"Count": 0, "Result": [], "Status": "Fail", "Message": "<text>"}


def fail_v1(code: int) -> dict[str, Any]:
    return {"statusCode": code, "status": "Fail", "message": "<text>", "result": None}


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("sample", "http", "body"),
    [
        pytest.param(posted("[]"), 400, FAIL_V2, id="no ticket"),
        pytest.param(posted(""), 400, FAIL_V2, id="no body"),
        pytest.param(posted("[{]"), 400, FAIL_V2, id="no JSON"),
        pytest.param(posted('[{"Summary":{}}]'), 400, FAIL_V2, id="an object for a text"),
        pytest.param(posted('[{"StatusCode":1}]'), 400, FAIL_V2, id="a number for a text"),
        pytest.param(
            posted(json.dumps([pushed(20), pushed(20, TicketNumber="")])),
            400,
            FAIL_V2 | {"Message": "TicketNumber is required (item 1)"},
            id="no number",
        ),
        pytest.param(
            posted(json.dumps([pushed(5, ModuleId="3")]), f"{V1}/SaveIncidentData/1"),
            400,
            fail_v1(400) | {"message": "ModuleId is 3, it can be 1 or 9 (item 0)"},
            id="V1, no such module",
        ),
        pytest.param(
            posted(json.dumps([pushed(20)]), f"{V2}/1?orgentityid=7"),
            400,
            FAIL_V2,
            id="the query overrides the path",
        ),
        pytest.param(got(f"{V2}/1?orgentityid=7"), 400, FAIL_READ, id="no such filter"),
        pytest.param(got(f"{V2}/2"), 404, FAIL_READ, id="no such org"),
        pytest.param(got(f"{V1}/GetIncidentTicketData/2"), 404, fail_v1(404), id="V1, no such org"),
        pytest.param(
            got("/v2/incident/TicketStatus/INC9,INC8/1"),
            404,
            FAIL_READ | {"Message": "Ticket not found"},
            id="no such ticket",
        ),
        pytest.param(got("/v2/incident/nothing"), 404, FAIL_READ, id="no such path"),
        pytest.param(got(f"{V1}/Nothing/1"), 404, fail_v1(404), id="V1, no such path"),
        pytest.param(got(f"{V1}/SaveIncidentData/1"), 405, fail_v1(405), id="V1, wrong verb"),
        pytest.param(got("/v2/event/TicketStatus/%00/1"), 400, FAIL_READ, id="NUL"),
        pytest.param(
            posted(json.dumps([pushed_change(20, ChangeId=" ")]), f"{CHANGES}/1"),
            400,
            FAIL_V2 | {"Message": "ChangeId is required (item 0)"},
            id="no change",
        ),
        pytest.param(
            posted(json.dumps(pushed_change(5, IsEpoch="?")), f"{V1}/SaveChangeRequestTaskData/1"),
            400,
            fail_v1(400) | {"message": "IsEpoch is ?, it can be Y or N (item 0)"},
            id="V1, a change",
        ),
        pytest.param(
            posted(json.dumps([pushed_service_request(20, SRId="")]), f"{REQUESTS}/1"),
            400,
            FAIL_V2 | {"Message": "SRId is required (item 0)"},
            id="no service request",
        ),
        pytest.param(
            posted(json.dumps([pushed_service_request(20, Summary="")]), f"{REQUESTS}/1"),
            400,
            FAIL_V2 | {"Message": "Summary is required (item 0)"},
            id="no summary",
        ),
        pytest.param(
            posted(
                json.dumps([pushed_service_request(5, RequestItemId="")]),
                f"{V1}/SaveServiceRequestTaskData/1",
            ),
            400,
            fail_v1(400) | {"message": "RequestItemId is required (item 0)"},
            id="V1, no request item",
        ),
        pytest.param(
            posted(json.dumps([{"Summary": "s"}]), f"{REQUESTS}/1"),
            400,
            FAIL_V2 | {"Message": "either TicketNumber or RunbookId is required (item 0)"},
            id="neither a task nor a schedule",
        ),
        pytest.param(
            posted(json.dumps([pushed_service_request(20) | scheduled()]), f"{REQUESTS}/5"),
            400,
            FAIL_V2 | {"Message": "either TicketNumber or RunbookId is required (item 0)"},
            id="a task and a schedule in one",
        ),
        pytest.param(
            posted(json.dumps([pushed_service_request(20), scheduled()]), f"{REQUESTS}/5"),
            400,
            FAIL_V2,
            id="a task and a schedule in one array",
        ),
        *(
            pytest.param(
                posted(json.dumps([scheduled(), wrong]), f"{REQUESTS}/5"),
                400,
                FAIL_V2 | {"Message": f"{message} (item 1)"},
                id=f"a schedule: {message}",
            )
            for wrong, message in (
                (scheduled(OrgId="7"), "OrgId is 7, the path says 5"),
                (scheduled(ActivityCode=""), "ActivityCode is required"),
                (scheduled(RunbookId="x"), "RunbookId is x, it can be 1 to 2147483647"),
                (once(RunDate=None), "RunDate is required"),
                (
                    once(RunDate="2020-01-01T00:00:00"),
                    "RunDate is 2020-01-01 00:00:00 in UTC, which is past",
                ),
            )
        ),
        *(
            pytest.param(
                posted(json.dumps([scheduled(ActivityCode=code)]), f"{SCHEDULES}/5"),
                404,
                FAIL_V2 | {"Message": "org 5 has no schedule 19532"},
                id=f"no schedule to {code}",
            )
            for code in ("UPDATE", "DELETE")
        ),
        pytest.param(
            posted(json.dumps([once(), scheduled(RunbookScheduleId="19533")]), f"{SCHEDULES}/5"),
            409,
            FAIL_V2 | {"Message": "org 5 has a schedule 19533 already (item 1)"},
            id="a schedule that is there",
        ),
        pytest.param(
            posted(json.dumps(scheduled_v3(Timezone="Mars")), "/v3/runbook/schedule/orgentityid/5"),
            400,
            FAIL_V2,
            id="no such Timezone",
        ),
        pytest.param(posted("[]", f"{SCHEDULES}/5"), 400, FAIL_V2, id="no schedule at all"),
        pytest.param(got(f"{SCHEDULES}/5"), 405, FAIL_V2, id="schedules, wrong verb"),
        pytest.param(got("/v3/runbook/x"), 404, FAIL_V2, id="no such path of schedules"),
        pytest.param(got(f"{INVENTORY}/schedulerStatus/2"), 404, FAIL_READ, id="foreign schedules"),
        pytest.param(
            got(f"{INVENTORY}/schedulerStatus/1?ScheduleId=4"),
            404,
            FAIL_READ | {"Message": "org 1 has no schedule 4"},
            id="an unknown schedule",
        ),
        pytest.param(got(f"{INVENTORY}/x/1"), 404, FAIL_READ, id="no number of a schedule"),
        pytest.param(
            put([{"ScheduleId": "#scheduleid#", "Status": "3"}], f"{INVENTORY}/schedulerStatus/1"),
            400,
            FAIL_V2 | {"Message": "ScheduleId is #scheduleid#, it can be 1 to 2147483647 (item 0)"},
            id="the placeholder of H23",
        ),
        pytest.param(
            put([{"ScheduleId": "3", "Status": "7"}], f"{INVENTORY}/schedulerStatus/1"),
            400,
            FAIL_V2 | {"Message": "Status is 7, it can be 0 to 6 (item 0)"},
            id="no such status of a schedule",
        ),
        pytest.param(
            put([{"ScheduleId": "4", "Status": "3"}], f"{INVENTORY}/schedulerStatus/1"),
            404,
            FAIL_V2 | {"Message": "org 1 has no schedule 4 (item 0)"},
            id="a status of no schedule",
        ),
        pytest.param(
            put([reported(ScheduleId="4")], f"{INVENTORY}/CIStatus/1"),
            404,
            FAIL_V2 | {"Message": "org 1 has no schedule 4 (item 0)"},
            id="a CI of no schedule",
        ),
        pytest.param(
            posted(json.dumps([scheduled()]), f"{REQUESTS}/2"),
            404,
            FAIL_V2,
            id="a foreign schedule",
        ),
        pytest.param(
            posted(json.dumps([pushed_sub_task(Sys_id="")]), "/v2/sub-task/orgentityid/1"),
            400,
            FAIL_V2 | {"Message": "sys_id is required (item 0)"},
            id="a sub-task without sys_id",
        ),
        pytest.param(got(f"{CHANGES}/1?ModuleId=3"), 400, FAIL_READ, id="a module of a change"),
        pytest.param(got(f"{V1}/GetSRTicketData/1?x=1"), 400, fail_v1(400), id="V1, no filter"),
        pytest.param(
            got("/v2/sub-task/TicketStatus/NONE/1"),
            404,
            FAIL_READ | {"Message": "Ticket not found"},
            id="no such sub-task",
        ),
        pytest.param(got("/v2/secret/InternalVault/none/1"), 404, FAIL_READ, id="no such secret"),
        pytest.param(got("/v2/secret/InternalVault/demo/7"), 404, FAIL_READ, id="a foreign secret"),
        pytest.param(
            got("/v2/secret/CyberArk/demo/1"),
            400,
            FAIL_READ | {"Message": "toolcode is CyberArk, it can be InternalVault"},
            id="no such vault",
        ),
        pytest.param(
            got(f"{FILES}/moduleid/1/getattachmentforsysid?sysId=x"),
            404,
            FAIL_READ,
            id="a file of no ticket",
        ),
        pytest.param(
            got(f"{FILES}/moduleid/1/getattachmentforsysid"), 400, FAIL_READ, id="no sysId"
        ),
        pytest.param(
            got(f"{FILES}/moduleid/7/getattachmentforsysid?sysId={SYS_ID}"),
            400,
            FAIL_READ | {"Message": "ModuleId is 7, it can be 1, 2, 3, 4, 9 or 10"},
            id="a file of no module",
        ),
        pytest.param(
            got(f"{FILES}/moduleid/1/getattachmentforsysid?sysId={SYS_ID}&fileName=none.txt"),
            404,
            FAIL_READ,
            id="no file of the name",
        ),
        pytest.param(got(f"{INVENTORY}/hostname/1/2/Task1"), 404, FAIL_READ, id="no such CI group"),
        pytest.param(got(f"{INVENTORY}/hostname/1/x/Task1"), 404, FAIL_READ, id="no group number"),
        pytest.param(got(f"{INVENTORY}/hostname/2/1/Task1"), 404, FAIL_READ, id="a foreign CI"),
        pytest.param(got(f"{INVENTORY}/x/y/z"), 404, FAIL_READ, id="no such path of CIs"),
        pytest.param(
            put([reported(Status="7")], f"{INVENTORY}/CIStatus/1"),
            400,
            FAIL_V2 | {"Message": "Status is 7, it can be 0 to 6 (item 0)"},
            id="no such status of a CI",
        ),
        pytest.param(
            put([reported(), reported(Status="")], f"{INVENTORY}/CIStatus/1"),
            400,
            FAIL_V2 | {"Message": "Status is required (item 1)"},
            id="no status of a CI",
        ),
        pytest.param(
            put([reported(GroupId=" ", HostName=" ")], f"{INVENTORY}/CIStatus/1"),
            400,
            FAIL_V2 | {"Message": "HostName or GroupId is required (item 0)"},
            id="a status of no CI",
        ),
        pytest.param(
            put([reported(GroupId="x")], f"{INVENTORY}/CIStatus/1"),
            400,
            FAIL_V2 | {"Message": "GroupId is x, it can be 1 to 2147483647 (item 0)"},
            id="no number of a CI group",
        ),
        pytest.param(
            put([reported(HostName="none", TaskNumber="Task1")], f"{INVENTORY}/CIStatus/1"),
            404,
            FAIL_V2 | {"Message": "org 1 has no CI none of task Task1 in group 3 (item 0)"},
            id="an unknown CI",
        ),
        pytest.param(put([], f"{INVENTORY}/CIStatus/1"), 400, FAIL_V2, id="no CI at all"),
        pytest.param(
            put([reported()], f"{INVENTORY}/CIStatus/2"), 404, FAIL_V2, id="a foreign org"
        ),
        pytest.param(got("/v2/itsmattachment/x"), 404, FAIL_READ, id="no such path of files"),
        pytest.param(got("/v2/changeRequests/x"), 404, FAIL_READ, id="no such path of changes"),
    ],
)
async def test_a_refusal_has_the_envelope_of_its_route(
    rest: Any, sample: Sample, http: int, body: dict[str, Any]
) -> None:
    status, answer = await ask(rest, sample)

    assert status == http
    assert fits(answer, body), answer


@pytest.mark.envoy
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{V2}/1", FAIL_READ),
        ("/v2/event/TicketStatus/X/1", FAIL_READ),
        (f"{V1}/GetIncidentTicketData/1", fail_v1(401)),
    ],
)
async def test_wrong_credentials_are_told_in_the_envelope(
    rest: Any, path: str, body: dict[str, Any]
) -> None:
    status, answer = await ask(rest, got(path), Authorization="Bearer x.y.z")

    assert status == 401
    assert fits(answer, body), answer


@pytest.mark.envoy
async def test_a_token_opens_every_route_of_v1_and_v2(rest: Any) -> None:
    token = next(sample for sample in SAMPLES if sample.id == "H18")
    _, issued = await ask(rest, token)
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}

    for sample in TICKET_SAMPLES:
        sent = {"Content-Type": sample.content_type} if sample.body else {}
        answer = await rest.request(
            sample.method, sample.path, data=sample.body or None, headers=sent | bearer
        )
        assert is_answered(sample, answer.status, answer.body), (sample.path, answer)


@pytest.mark.envoy
async def test_a_wrong_password_gets_no_token(rest: Any) -> None:
    body = "grant_type=password&username=APIuser%40hcl.com&password=wrong"
    sample = Sample(
        id="",
        method="POST",
        path="/token",
        body=body,
        content_type=f"{FORM}; charset=UTF-8",
        answer={},
    )

    status, answer = await ask(rest, sample)

    assert status == 400
    assert answer == {
        "error": "invalid_grant",
        "error_description": "The user name or password is incorrect.",
    }


@pytest.mark.envoy
async def test_a_token_is_kept_in_no_cache(rest: Any) -> None:
    token = next(sample for sample in SAMPLES if sample.id == "H18")

    answer = await rest.request(
        "POST", token.path, data=token.body, headers={"Content-Type": token.content_type}
    )

    assert answer.headers["Cache-Control"] == "no-store"
