"""What the iAutomate guide prints (seed 004): its tickets, and its envelopes."""

from __future__ import annotations

from typing import Any, Final

NUMBER: Final = "INC0303863"
FORM: Final = "application/x-www-form-urlencoded"
_BOUNDARY: Final = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART: Final = f"multipart/form-data; boundary={_BOUNDARY}"
SAVED_V2: Final = {
    "Id": "<text>",
    "Status": "Success",
    "Message": "Incident data saved successfully",
}
SAVED_V1: Final = {"statusCode": 200, "status": "Success", "message": "Success", "result": "<text>"}
# The guide's example range of table 27. Nothing lies in it: it begins after its end.
EMPTY_RANGE: Final = "start_date>=2020-01-29 07:12:23.607&end_date<=2019-11-18 06:24:52"


def pushed(many: int, **fields: str) -> dict[str, str]:
    """The ticket of tables 2 and 4."""
    ticket = {
        "TicketNumber": NUMBER,
        "Summary": "testing",
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        "ResolvedDate": "2019-11-18 06:24:52",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 06:24:52",
        "Description": "testing data",
        "LastModifiedDate": "2019-11-18 06:24:52",
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "TimeZone": "IST",
        "TimeZoneOffset": "-330",
        "IsTimeZoneOrOffset": "TIMEZONE",
        "IsEpoch": "N",
        "ModuleId": "1",
    }
    return ticket | fields


def read(many: int, **fields: Any) -> dict[str, Any]:
    """The ticket of tables 25 and 28: what was pushed, its dates in GMT."""
    ticket = {
        "TicketNumber": NUMBER,
        "Summary": "testing",
        "Description": "testing data",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 00:54:52.000",
        "LastModifiedDate": "2019-11-18 00:54:52.000",
        "ClosedDate": "2019-11-18 00:54:52.000",
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "iAutomate_CreatedDateInGMT": "<time>",
        "iAutomate_UpdatedDateInGMT": "<time>",
    }
    return ticket | fields


def read_v2(*tickets: dict[str, Any]) -> dict[str, Any]:
    return {
        "Count": len(tickets),
        "Result": list(tickets),
        "Status": "Success",
        "Message": "Success",
    }


def read_v1(*tickets: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "status": "Success", "message": None, "result": list(tickets)}


def status(number: str = NUMBER) -> dict[str, str]:
    return {"TicketNumber": number, "TicketStatus": "Data Collected"}


def pushed_change(many: int, **fields: str) -> dict[str, str]:
    """The task of tables 8 and 11."""
    return (
        _task(many)
        | {
            "TicketNumber": "CRT0303863",
            "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
            "ChangeId": "2b535ab3dbc988506d7550d3dc96190e",
            "CreationDate": "2019-11-18 06:24:54",
            "LastModifiedDate": "2019-11-18 06:24:54",
            "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        }
        | fields
    )


def pushed_service_request(many: int, **fields: str) -> dict[str, str]:
    """The task of tables 14 and 17."""
    return (
        _task(many)
        | {
            "TicketNumber": "SCTASK0010001",
            "sys_id": "3b535ab3dbc988506d7550d3dc96190e",
            "SRId": "REQ0010001",
            "RequestItemId": "RITM0010001",
            "CreationDate": "2020-05-07 10:36:05",
            "LastModifiedDate": "2020-05-07 11:24:54",
            "AssignedGroup": "grp",
        }
        | fields
    )


def pushed_sub_task(**fields: str) -> dict[str, str]:
    """The sub-task of the guide for version 11.1."""
    return (
        _task(9)
        | {
            "TicketNumber": "STASK0010001",
            "Sys_id": "4b535ab3dbc988506d7550d3dc96190e",
            "Priority": "2",
            "CreationDate": "2020-05-07 10:36:05",
            "LastModifiedDate": "2020-05-07 11:24:54",
        }
        | fields
    )


def _task(many: int) -> dict[str, str]:
    return {
        "Summary": "testing",
        "StatusCode": "1",
        "Description": "testing data",
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "TimeZone": "IST",
        "TimeZoneOffset": "-330",
        "IsTimeZoneOrOffset": "TIMEZONE",
        "IsEpoch": "N",
    }


def read_change_v2(**fields: Any) -> dict[str, Any]:
    """The task of section 2.2.1, with its ChangeId."""
    return {
        "TicketNumber": "CRT0303863",
        "Summary": "testing",
        "Description": "testing data",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "ChangeId": "2b535ab3dbc988506d7550d3dc96190e",
        "StatusCode": "1",
        "CreationDate": "2019-11-18 00:54:54.000",
        "LastModifiedDate": "2019-11-18 00:54:54.000",
        "ClosedDate": None,
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        **_rest(20),
    } | fields


def read_change_v1(**fields: Any) -> dict[str, Any]:
    """The task of section 2.2.2, with its ClosedDate."""
    return {
        "TicketNumber": "CRT0303863",
        "Summary": "testing",
        "Description": "testing data",
        "AssignedGroup": "02cc6a39376e4f00c72b2b2943990e68",
        "ChangeId": "2b535ab3dbc988506d7550d3dc96190e",
        "StatusCode": "1",
        "LastModifiedDate": "2019-11-18 00:54:54.000",
        "ClosedDate": None,
        "sys_id": "2b535ab3dbc988506d7550d3dc96190e",
        "CreationDate": "2019-11-18 00:54:54.000",
        **_rest(5),
    } | fields


def read_service_request(many: int, **fields: Any) -> dict[str, Any]:
    """The task of section 2.3.1 and of table 42."""
    return {
        "TicketNumber": "SCTASK0010001",
        "Summary": "testing",
        "Description": "testing data",
        "RequestItemId": "RITM0010001",
        "SRId": "REQ0010001",
        "AssignedGroup": "grp",
        "StatusCode": "1",
        "CreationDate": "2020-05-07 05:06:05.000",
        "LastModifiedDate": "2020-05-07 05:54:54.000",
        "sys_id": "3b535ab3dbc988506d7550d3dc96190e",
        **_rest(many),
    } | fields


def _rest(many: int) -> dict[str, str]:
    return {
        **{f"Col{number}": " " for number in range(1, many + 1)},
        "iAutomate_CreatedDateInGMT": "<time>",
        "iAutomate_UpdatedDateInGMT": "<time>",
    }


def scheduled(**fields: Any) -> dict[str, Any]:
    """The schedule of table 20."""
    return {
        "OrgId": "5",
        "ModuleId": "4",
        "RunbookToolId": "3",
        "RunbookId": "7611",
        "RunbookScheduleId": "19532",
        "FrequencyId": "3",
        "ScheduleMinute": "5",
        "ScheduleHour": "2",
        "DaysofWeek": "1",
        "DateofMonth": "2",
        "IsActive": "Y",
        "RunDate": None,
        "IsRecurring": "Y",
        "TimeOutPeriod": "10Min",
        "ActivityCode": "INSERT",
        "ParamValues": [
            {
                "RunbookParamId": "18547",
                "RunbookParam": "ComputerName",
                "RunbookParamDefaultValue": "SRVAT0046",
                "IsPasswordParam": "Text",
            }
        ],
    } | fields


def once(**fields: Any) -> dict[str, Any]:
    """The schedule of table 20 with the values that it has for what runs once."""
    none = dict.fromkeys(
        ("FrequencyId", "ScheduleMinute", "ScheduleHour", "DaysofWeek", "DateofMonth"), "-1"
    )
    return scheduled(
        **none
        | {
            "RunbookScheduleId": "19533",
            "RunDate": "2099-01-01T10:10:10",
            "IsRecurring": "N",
        }
        | fields
    )


def scheduled_v3(**fields: Any) -> dict[str, Any]:
    """The schedule of V3, of version 11.2: table 20 with other fields."""
    known = scheduled()
    del known["RunbookScheduleId"], known["ActivityCode"]
    more = {"Timezone": "IST", "OrderID": "", "IsScheduleNow": "N"}
    return known | more | fields


def details(**fields: str) -> dict[str, str]:
    """The CI of section 7.1, with a host for its mask."""
    return {
        "HostName": "SRVAT0046",
        "device_ci_name": "SRVAT0046",
        "device_management_ip": "10.0.0.1",
        "device_firmware_version": "",
        "device_type": "Access Point",
        **{f"Col{number}": "Test-col1" for number in range(1, 6)},
        "device_manufacturername": "HP",
        "device_model": "",
        "device_location": "",
        "device_subcategory": "",
        "device_componentcategory": "",
        "device_productname": "",
        "device_enviornment": "",
        "device_componentcriticality": "",
        "device_status": "Deployed",
    } | fields


def reported(**fields: str) -> dict[str, str]:
    """The report of section 7.4."""
    return {
        "TaskNumber": "",
        "ScheduleId": "3",
        "GroupId": "3",
        "Status": "2",
        "Remarks": "test",
        "FileName": "",
        "FilePath": "",
        "HostName": "",
        "ChangeNumber": "",
    } | fields


def form(*parts: tuple[str, str, bytes], whole: bool = True) -> bytes:
    """A form with files: the name of a field, of a file, and its bytes; `whole` ends it."""
    head = '--{}\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = b""
    for field, name, data in parts:
        named = f'; filename="{name}"' if name else ""
        body += head.format(_BOUNDARY, field, named).encode() + data + b"\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode() if whole else body
