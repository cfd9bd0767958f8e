"""Schedules as the guide's table 20 has them, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import grpc
import grpc.aio
import pytest
from google.protobuf.json_format import ParseDict

from polydesk import wire
from polydesk.api.iautomate.v1 import iautomate_pb2 as pb
from polydesk.api.iautomate.v1.iautomate_pb2_grpc import IAutomateServiceStub
from polydesk.api.v1 import schedule_pb2, secret_pb2
from polydesk.api.v1.schedule_pb2_grpc import ScheduleServiceStub
from polydesk.api.v1.secret_pb2_grpc import SecretServiceStub
from polydesk.dialects.iautomate.schedule import message_of, to_edits, zone_name
from polydesk.domain.edit import Create, Delete, Edit, Update
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.recurrence import Frequency, Recurrence
from polydesk.domain.runbook import Tool
from polydesk.domain.schedule import Missed, Parameter, ScheduleSpec
from polydesk.domain.ticket import Kind
from tests.dialects.iautomate.guide import once, scheduled, scheduled_v3

if TYPE_CHECKING:
    from tests.conftest import Native

NOW = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
PASSWORD = {
    "RunbookParam": "pw",
    "RunbookParamDefaultValue": "hush-1",
    "IsPasswordParam": "Password",
}


def shared(**fields: Any) -> pb.PushedServiceRequestV2:
    """The schedule of table 20, as it comes at the URL of service requests."""
    return ParseDict(scheduled(**fields), pb.PushedServiceRequestV2())


def v2(**fields: Any) -> pb.PushedScheduleV2:
    return ParseDict(scheduled(**fields), pb.PushedScheduleV2())


def v3(**fields: Any) -> pb.PushedScheduleV3:
    return ParseDict(scheduled_v3(**fields), pb.PushedScheduleV3())


def at_some_time(**fields: Any) -> pb.PushedServiceRequestV2:
    return ParseDict(once(**fields), pb.PushedServiceRequestV2())


def edit(item: Any) -> Edit:
    (read,) = to_edits([item], 5, NOW)
    return read


def made(item: Any) -> ScheduleSpec:
    read = edit(item)
    assert isinstance(read, Create)
    return read.spec


def test_the_sample_is_a_weekly_schedule_of_an_outside_tool() -> None:
    read = edit(shared())

    assert isinstance(read, Create)
    assert (read.id, read.again) == (19_532, True)
    assert read.spec == ScheduleSpec(
        runbook=7_611,
        tool=Tool.EXTERNAL,
        kind=Kind.SERVICE_REQUEST_TASK,
        recurrence=Recurrence(frequency=Frequency.WEEKLY, minute=5, hour=2, weekdays=(1,)),
        timeout_seconds=600,
        parameters=(Parameter(name="ComputerName", value="SRVAT0046"),),
        extra={"iautomate": {"RunbookParamId.ComputerName": "18547"}},
    )


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"FrequencyId": "1"}, Recurrence(frequency=Frequency.HOURLY, minute=5)),
        ({"FrequencyId": "2"}, Recurrence(frequency=Frequency.DAILY, minute=5, hour=2)),
        (
            {"FrequencyId": "3", "DaysofWeek": " 0, 7,6 ,1"},
            Recurrence(frequency=Frequency.WEEKLY, minute=5, hour=2, weekdays=(1, 6, 7)),
        ),
        (
            {"FrequencyId": "4", "DateofMonth": "31", "DaysofWeek": "x"},
            Recurrence(frequency=Frequency.MONTHLY, minute=5, hour=2, day=31),
        ),
        (
            {"FrequencyId": "1", "ScheduleHour": "-1", "DaysofWeek": "-1", "DateofMonth": "-1"},
            Recurrence(frequency=Frequency.HOURLY, minute=5),
        ),
    ],
)
def test_a_frequency_takes_what_it_needs(fields: dict[str, str], rule: Recurrence) -> None:
    assert made(shared(**fields)).recurrence == rule


def test_what_does_not_recur_runs_at_its_date_in_gmt() -> None:
    spec = made(at_some_time())

    assert (spec.recurrence, spec.run_at) == (None, datetime(2099, 1, 1, 10, 10, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("10Min", 600),
        ("10 mins", 600),
        ("10", 600),
        ("30Sec", 30),
        ("2HOURS", 7_200),
        ("1 day", 86_400),
        ("366Day", 366 * 86_400),
    ],
)
def test_a_time_out_is_read_in_its_unit(span: str, seconds: int) -> None:
    assert made(shared(TimeOutPeriod=span)).timeout_seconds == seconds


@pytest.mark.parametrize("flag", ["Password", "password", "Y"])
def test_a_password_is_named_and_its_value_kept_apart(flag: str) -> None:
    read = edit(shared(ParamValues=[PASSWORD | {"IsPasswordParam": flag}]))

    assert isinstance(read, Create)
    (parameter,) = read.spec.parameters
    assert parameter == Parameter(name="pw", secret=parameter.secret)
    assert read.secrets == {parameter.secret: "hush-1"}
    assert "hush" not in f"{read!r} {read.spec!r}"


@pytest.mark.parametrize("flag", ["Text", "TEXT", "N", "", " "])
def test_other_values_are_plain(flag: str) -> None:
    read = edit(shared(ParamValues=[PASSWORD | {"IsPasswordParam": flag}]))

    assert isinstance(read, Create)
    assert read.spec.parameters == (Parameter(name="pw", value="hush-1"),)
    assert read.secrets == {}


@pytest.mark.parametrize("id_", ["", "-1", " "])
def test_a_schedule_without_a_number_is_given_one(id_: str) -> None:
    read = edit(shared(RunbookScheduleId=id_))

    assert isinstance(read, Create)
    assert (read.id, read.again) == (0, False)


def test_the_code_tells_what_is_done() -> None:
    codes = ("insert", "UPDATE", "Delete")

    edits = to_edits([shared(ActivityCode=code) for code in codes], 5, NOW)

    assert [type(each) for each in edits] == [Create, Update, Delete]
    assert message_of(edits[:1]) == "Manage Schedule Runbook inserted successfully"
    assert message_of(edits[1:2]) == "Manage Schedule Runbook updated successfully"
    assert message_of(edits[2:]) == "Manage Schedule Runbook deleted successfully"
    assert message_of(edits) == "Manage Schedule Runbook inserted/updated/deleted successfully"


def test_an_update_leaves_what_the_guide_has_no_words_for() -> None:
    read = edit(shared(ActivityCode="UPDATE"))
    hourly = Recurrence(frequency=Frequency.HOURLY)

    assert isinstance(read, Update)
    changed = read.change(ScheduleSpec(runbook=1, recurrence=hourly, missed=Missed.SKIP))
    assert (changed.runbook, changed.missed) == (7_611, Missed.SKIP)


def test_what_is_deleted_needs_its_number_alone() -> None:
    item = pb.PushedServiceRequestV2(
        org_id="5", runbook_schedule_id="19532", activity_code="DELETE"
    )

    assert edit(item) == Delete(id=19_532)


def test_version_11_2_needs_no_code_and_knows_begin_at_once() -> None:
    now = v2(ActivityCode="", IsScheduleNow="Y", IsRecurring="N", RunbookScheduleId="")

    assert made(v2(ActivityCode="")).recurrence is not None
    assert made(now).run_at == NOW


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("", "UTC"),
        ("GMT", "UTC"),
        ("Europe/London", "Europe/London"),
        ("europe/london", "Europe/London"),
        ("India Standard Time", "Asia/Calcutta"),
        ("IST", "Asia/Kolkata"),
        ("EST", "Etc/GMT+5"),
        ("CEST", "Etc/GMT-2"),
    ],
)
def test_v3_has_the_zone_of_its_clock(name: str, zone: str) -> None:
    assert made(v3(Timezone=name)).time_zone == zone


@pytest.mark.parametrize("name", [name for name in wire.ABBREVIATIONS if name])
def test_an_abbreviation_and_its_zone_show_the_same_time(name: str) -> None:
    zone = wire.zone(name)

    for month in (1, 7):
        moment = datetime(2030, month, 1, tzinfo=UTC)
        named = moment.astimezone(ZoneInfo(zone_name(zone)))
        assert named.replace(tzinfo=None) == moment.astimezone(zone).replace(tzinfo=None)


def test_v3_reads_its_date_in_its_zone_and_keeps_its_order() -> None:
    item = v3(IsRecurring="N", FrequencyId="-1", RunDate="2099-01-01T10:10:10", OrderID="O7")

    read = edit(item)

    assert isinstance(read, Create)
    assert read.id == 0
    assert read.spec.run_at == datetime(2099, 1, 1, 4, 40, 10, tzinfo=UTC)
    assert read.spec.extra["iautomate"]["OrderID"] == "O7"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"OrgId": ""}, "OrgId is required"),
        ({"OrgId": "7"}, "OrgId is 7, the path says 5"),
        ({"ModuleId": " "}, "ModuleId is required"),
        ({"ModuleId": "7"}, "ModuleId is 7, it can be 1, 2, 3, 4, 9 or 10"),
        ({"RunbookToolId": "4"}, "RunbookToolId is 4, it can be 1, 2 or 3"),
        ({"RunbookId": "-1"}, "RunbookId is -1, it can be 1 to 2147483647"),
        ({"RunbookScheduleId": "x"}, "RunbookScheduleId is x, it can be 1 to 2147483647"),
        ({"FrequencyId": "-1"}, "FrequencyId is -1, it can be 1, 2, 3 or 4"),
        ({"FrequencyId": ""}, "FrequencyId is required"),
        ({"ScheduleMinute": "60"}, "ScheduleMinute is 60, it can be 0 to 59"),
        ({"ScheduleMinute": "-1"}, "ScheduleMinute is -1, it can be 0 to 59"),
        ({"ScheduleHour": "24"}, "ScheduleHour is 24, it can be 0 to 23"),
        ({"DaysofWeek": "1,8"}, "DaysofWeek is 8, it can be 0 to 7"),
        ({"DaysofWeek": "1,,2"}, "DaysofWeek is required"),
        ({"FrequencyId": "4", "DateofMonth": "0"}, "DateofMonth is 0, it can be 1 to 31"),
        ({"IsActive": "yes"}, "IsActive is yes, it can be Y or N"),
        ({"IsRecurring": ""}, "IsRecurring is required"),
        ({"RunDate": "2099-01-01T10:10:10"}, "RunDate is for IsRecurring N, else it is null"),
        ({"IsRecurring": "N"}, "FrequencyId is for IsRecurring Y, else it is -1"),
        ({"TimeOutPeriod": ""}, "TimeOutPeriod is required"),
        (
            {"TimeOutPeriod": "soon"},
            "TimeOutPeriod is soon, it can be 30Sec, 10Min, 2Hour or 1Day",
        ),
        ({"TimeOutPeriod": "0"}, "TimeOutPeriod is 0, it can be 1Sec to 366Day"),
        ({"TimeOutPeriod": "367Day"}, "TimeOutPeriod is 367Day, it can be 1Sec to 366Day"),
        ({"ActivityCode": ""}, "ActivityCode is required"),
        ({"ActivityCode": "RUN"}, "ActivityCode is RUN, it can be INSERT, UPDATE or DELETE"),
        (
            {"ActivityCode": "UPDATE", "RunbookScheduleId": "-1"},
            "RunbookScheduleId is required by ActivityCode UPDATE",
        ),
        ({"ParamValues": [PASSWORD | {"RunbookParam": " "}]}, "RunbookParam is required"),
        ({"ParamValues": [PASSWORD, PASSWORD]}, "RunbookParam pw comes twice"),
        (
            {"ParamValues": [PASSWORD | {"IsPasswordParam": "maybe"}]},
            "IsPasswordParam is maybe, it can be Text or Password",
        ),
        (
            {"ParamValues": [PASSWORD | {"RunbookParamDefaultValue": ""}]},
            "RunbookParamDefaultValue is required by IsPasswordParam",
        ),
        (
            {"ParamValues": [PASSWORD | {"RunbookParamDefaultValue": "x" * 4_097}]},
            "RunbookParamDefaultValue has 4097 characters, at most 4096 are taken",
        ),
        (
            {"ParamValues": [PASSWORD | {"RunbookParam": str(n)} for n in range(51)]},
            "ParamValues has 51, at most 50 are taken",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_item(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        to_edits([shared(), shared(**fields)], 5, NOW)

    assert caught.value.message == f"{message} (item 1)"
    assert caught.value.field == f"schedules[1].{message.split(maxsplit=1)[0]}"
    assert isinstance(caught.value, Missing) == ("required" in message)
    assert "hush" not in caught.value.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"RunDate": ""}, "RunDate is required"),
        ({"RunDate": "2099-13-01T00:00:00"}, "RunDate: 2099-13-01T00:00:00 is no time"),
        ({"RunDate": "tomorrow"}, "RunDate: tomorrow is no time"),
    ],
)
def test_what_runs_once_needs_its_date(fields: dict[str, str], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        edit(at_some_time(**fields))

    assert caught.value.message.startswith(message)


def test_what_recurs_cannot_begin_at_once() -> None:
    with pytest.raises(Invalid, match="IsScheduleNow is Y, so IsRecurring can be N only"):
        edit(v3(IsScheduleNow="Y"))


@pytest.fixture
def stub(native: Native) -> IAutomateServiceStub:
    return IAutomateServiceStub(native.channel)


async def push(native: Native, *items: Any, org: str = "5", **headers: str) -> Any:
    request = pb.PushServiceRequestsV2Request(orgentityid=org, items=items)
    stub = IAutomateServiceStub(native.channel)
    return await stub.PushServiceRequestsV2(request, metadata=native.headers(**headers))


async def schedule(native: Native, id_: int) -> schedule_pb2.Schedule:
    request = schedule_pb2.GetScheduleRequest(name=f"orgs/5/schedules/{id_}")
    stub = ScheduleServiceStub(native.channel)
    found: schedule_pb2.Schedule = await stub.GetSchedule(request, metadata=native.headers())
    return found


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return f"{caught.value.code().name} {caught.value.details()}"


async def test_a_schedule_is_made_changed_and_deleted(native: Native) -> None:
    first = await push(native, shared())
    made = await schedule(native, 19_532)
    again = await push(native, shared())
    other = await refused(push(native, shared(ScheduleMinute="6")))
    updated = await push(native, shared(ActivityCode="UPDATE", ScheduleMinute="6", IsActive="N"))
    changed = await schedule(native, 19_532)
    deleted = await push(native, shared(ActivityCode="DELETE"))
    gone = await refused(schedule(native, 19_532))

    assert first == again
    assert (first.id, first.status) == ("19532", "Success")
    assert (made.recurrence.minute, made.paused) == (5, False)
    assert made.next_due_time.seconds % 3_600 == 300
    assert other == "ALREADY_EXISTS org 5 has a schedule 19532 already"
    assert updated.message == "Manage Schedule Runbook updated successfully"
    assert (changed.recurrence.minute, changed.paused) == (6, True)
    assert not changed.HasField("next_due_time")
    assert deleted.message == "Manage Schedule Runbook deleted successfully"
    assert gone == "NOT_FOUND org 5 has no schedule 19532"


async def test_one_wrong_schedule_keeps_all_out(native: Native) -> None:
    told = await refused(
        push(native, shared(), shared(ActivityCode="DELETE", RunbookScheduleId="8"))
    )

    assert told == "NOT_FOUND org 5 has no schedule 8 (item 1)"
    assert (await refused(schedule(native, 19_532))).startswith("NOT_FOUND")


async def test_a_password_is_in_the_vault_alone(native: Native) -> None:
    await push(native, shared(ParamValues=[PASSWORD]))

    (parameter,) = (await schedule(native, 19_532)).parameters
    vault = SecretServiceStub(native.channel)
    opened = await vault.AccessSecret(
        secret_pb2.AccessSecretRequest(name=parameter.secret), metadata=native.headers()
    )
    await push(native, shared(ActivityCode="DELETE"))
    left = await vault.ListSecrets(
        secret_pb2.ListSecretsRequest(parent="orgs/5"), metadata=native.headers()
    )

    assert (parameter.name, parameter.value, parameter.secret_value) == ("pw", "", "")
    assert opened.value == "hush-1"
    assert list(left.secrets) == []


async def test_who_may_push_tickets_may_not_schedule(native: Native) -> None:
    client = {"login": "demo-client", "secret": "demo-secret"}

    told = await refused(push(native, shared(), **client))

    assert told == "PERMISSION_DENIED demo-client lacks runbooks.write in org 5"


async def test_what_is_reported_is_answered(stub: Any, native: Native) -> None:
    metadata = native.headers()
    statuses = [pb.PushedScheduleStatus(schedule_id="3", status=" 2 ")]
    await stub.UpdateScheduleStatuses(
        pb.UpdateScheduleStatusesRequest(orgentityid="1", statuses=statuses), metadata=metadata
    )

    both = await stub.GetScheduleStatuses(
        pb.GetScheduleStatusesRequest(orgentityid="1"), metadata=metadata
    )
    one = await stub.GetScheduleStatus(
        pb.GetScheduleStatusRequest(orgentityid="1", schedule_id="3"), metadata=metadata
    )

    assert [(each.schedule_id, each.status, each.status_text) for each in both.result] == [
        ("3", "2", "In Progress"),
        ("19532", "0", "Queued"),
    ]
    assert (one.id, list(one.result)) == ("3", [both.result[0]])
