"""What the page of the plugin prints (seed 002), and the calls by which the plugin does it."""

from __future__ import annotations

import json
from typing import Any, Final

from polydesk.dialects.ivanti_sm.field import FIELDS
from tests.dialects.sample import Sample

KEY: Final = "rest_api_key=1A2B3CC4D5E67F8901G2HI345J6K7L89"
ROOTS: Final = ("/HEAT/api/odata/businessobject", "/api/odata/businessobject")
NUMBER: Final = 12345
# The incident and the customer of the page's examples.
REC_ID: Final = "085867F47547496783005D95CB82D557"
# The incident of its note, which the samples change.
OTHER: Final = "304631ACAB8A4EFD8D8E5AA334993426"
CUSTOMER: Final = "2F851094BFE5437C97D19871D1C539C7"
# The fields of its example, in its order. ResolvedByIncidentNumber is 0 there and a text elsewhere.
_EXAMPLE = """
    @odata.context ClosedDuration CreatedBy CreatedDateTime Email FirstCallResolution
    IncidentNumber IsNotification IsVIP IsWorkAround LastModBy LastModDateTime Phone Priority_Valid
    Priority ProfileFullName ProfileLink_Category ProfileLink_RecID ProfileLink RecId Service_Valid
    Service Source_Valid Source Status_Valid Status Subject Symptom Urgency_Valid Urgency LoginId
    Owner_Valid Owner OwnerTeam_Valid OwnerTeam OwnerType IsNewRecord HoursOfOperation_Valid
    HoursOfOperation OwnerEmail OwnerTeamEmail OwnershipAssignmentEmail CustomerLocation_Valid
    CustomerLocation IsReportedByAlternateContact OrganizationUnitID ReportingOrgUnitID_Valid
    ReportingOrgUnitID TypeOfIncident TeamManagerEmail CustomerDepartment ActualService_Valid
    ActualService CostPerMinute_Currency CostPerMinute IsInFinalState IsReclassifiedForResolution
    ResolvedByIncidentNumber TotalTimeSpent OrgUnitLink_Category OrgUnitLink_RecID OrgUnitLink
    OwningOrgUnitId_Valid OwningOrgUnitId ProgressBarPosition CreatedByType ReadOnly Cost_Currency
    Cost IsApprovalNeeded Approver_Valid Approver IsDSMTaskExisted SocialTextHeader
    IncidentNetworkUserName SendSurveyNotification EntityLink_Category EntityLink_RecID EntityLink
    IsMasterIncident IsResolvedByMaster ServiceOwnerEmail IsRelatedIncidentUpdate
    IsRelatedIncidentResolutionUpdate IsUnRead
"""
EXAMPLE: Final = tuple(_EXAMPLE.split())
# The names of its table of types; two of them without the "By" that it has behind them.
_TABLE = """
    Actual Category|Actual Category Valid|Actual Service|Actual Service Valid|
    Alternate Contact Link|Alternate Contact Link Category|Alternate Contact Link Rec ID|
    Alternate Contact Phone|Approver|Approver Valid|Category|Category Valid|Cause Code|
    Cause Code Valid|Closed By|Closed Date Time|Closed Duration|Cost|Cost Per Minute|
    Cost Per Minute Currency|Cost Per Minute Currency Valid|Cost Currency|
    Cost Currency Valid|Created By|Created By Type|Created Date Time|Customer Department|
    Customer Location|Customer Location Valid|Email|Entity Link|Entity Link Category|
    Entity Link Rec ID|First Call Resolution|Hours Of Operation|Hours Of Operation Valid|
    Impact|Impact Valid|Incident Network User Name|IncidentNumber|Is Approval Needed|
    Is DSM Task Existed|Is In Final State|Is Master Incident|Is New Record|
    Is Notification|Is Reclassified For Resolution|Is Related Incident Resolution Update|
    Is Related Incident Update|Is Reported By Alternate Contact|Is Resolved By Master|
    Is Un Read|Is VIP|Is Work Around|Knowledge Link|Knowledge Link Category|
    Knowledge Link Rec ID|Last Mod By|Last Mod Date Time|Login ID|Org Unit Link|
    Org Unit Link Category|Org Unit Link Rec ID|Organization Unit ID|Owner|Owner Email|
    Owner Team|Owner Team Email|Owner Team Valid|Owner Type|Owner Valid|
    Ownership Assignment Email|Owning Org Unit ID|Owning Org Unit ID Valid|Phone|Priority|
    Priority Valid|Profile Full Name|Profile Link|Profile Link Category|
    Profile Link Rec ID|Progress Bar Position|Rec ID|Reporting Org Unit ID|
    Reporting Org Unit ID Valid|Resolution|Resolved By|Resolved Date Time|SLA|
    SLA Display Text|SLA Link|SLA Link Category|SLA Link Rec ID|Send Survey Notification|
    Service|Service Owner Email|Service Valid|Social Text Header|Source|Source Valid|
    Status|Status Valid|Subject|Symptom|Team Manager Email|Type Of Incident|Urgency|
    Urgency Valid|Helpdesk Priority|Helpdesk Priority Valid
"""
TABLE: Final = tuple(name.strip() for name in _TABLE.split("|"))
# The bodies that the plugin makes of the page's example inputs.
NEW: Final[dict[str, Any]] = {
    "Subject": "Incident Created By InsightConnect",
    "Symptom": "This incident was created using InsightConnect",
    "ProfileLink": CUSTOMER,
    "Status": "Logged",
    "TypeOfIncident": "Failure",
    "Urgency": "Medium",
    "Owner": "John Doe",
    "Source": "Network Monitor",
    "Impact": "Medium",
}
CHANGE: Final[dict[str, Any]] = {
    "Owner": "jdoe",
    "ProfileLink": CUSTOMER,
    "Status": "Waiting for Resolution",
    "Category": "How-To",
    "CauseCode": "Software",
    "Resolution": "This incident was resolved by InsightConnect",
}
NOTE: Final[dict[str, Any]] = {
    "ParentLink_RecID": OTHER,
    "Subject": "Example note summary created from InsightConnect",
    "NotesBody": "Example note body created from InsightConnect",
    "Category": "Memo",
    "Source": "Other",
}
USER: Final = {
    "CreatedDateTime": "<text>",
    "DisplayName": "User",
    "LastModDateTime": "<text>",
    "LoginID": "user",
    "PrimaryEmail": "user@example.com",
    "RecId": CUSTOMER,
    "Status": "Active",
}


def listed(*found: Any) -> dict[str, Any]:
    """Returns what a list is answered with."""
    count = "<id>" if ... in found else len(found)
    return {"@odata.context": "<text>", "@odata.count": count, "value": list(found)}


def refused(http: int, message: str = "<text>") -> dict[str, Any]:
    """Returns the body of an error."""
    code = {400: 4000, 404: 4004, 401: 4001, 403: 4003, 405: 4005, 409: 4009, 412: 4012, 413: 4013}
    return {
        "code": f"ISM_{code[http]}",
        "description": "<text>",
        "message": [message],
        "help": "<text>",
    }


def call(id_: str, method: str, path: str, body: Any = None, **said: Any) -> Sample:
    """Returns a call of the plugin."""
    return Sample(
        id=id_,
        method=method,
        path=path,
        body="" if body is None else json.dumps(body),
        authorization=KEY,
        **said,
    )


WRITTEN: Final[dict[str, Any]] = {
    "@odata.context": "<text>",
    "DisplayText": f"{NOTE['Subject']} {NOTE['NotesBody']}",
    "NotesBody": NOTE["NotesBody"],
    "Source_Valid": "<text>",
    "Source": "Other",
    "Category_Valid": "<text>",
    "Category": "Memo",
    "CreatedBy": "demo-client",
    "CreatedDateTime": "<text>",
    "JournalType": "Notes",
    "LastModBy": "demo-client",
    "LastModDateTime": "<text>",
    "ParentLink_RecID": OTHER,
    "RecId": "<text>",
    "Subject": NOTE["Subject"],
    "PublishToWeb": False,
    "ReadOnly": False,
    "IsNewRecord": False,
    "IsUnRead": True,
    "UnreadTransition": False,
}


def incident(**said: Any) -> dict[str, Any]:
    """Returns an incident as it is answered by itself."""
    always: dict[str, Any] = {
        "CreatedBy": "<text>",
        "CreatedDateTime": "<text>",
        "Email": "user@example.com",
        "IncidentNumber": "<id>",
        "LastModBy": "<text>",
        "LastModDateTime": "<text>",
        "Priority": "5",
        "ProfileFullName": "User",
        "ProfileLink_Category": "Employee",
        "ProfileLink_RecID": CUSTOMER,
        "ProfileLink": CUSTOMER,
        "RecId": "<text>",
        "Status": "Logged",
        "Subject": "InsightConnect Test",
        "Symptom": "Test incident created by InsightConnect",
        "Urgency": "Low",
        "Impact": "Low",
        "LoginId": "user",
        "Owner": "user",
        "OwnerType": "Employee",
        "OwnerEmail": "user@example.com",
        "OwnershipAssignmentEmail": "user@example.com",
        "OrganizationUnitID": "Demo",
        "ReportingOrgUnitID": "Demo",
        "OwningOrgUnitId": "Demo",
        "ClosedDuration": 0,
        "TotalTimeSpent": 0,
        "ProgressBarPosition": "1",
        "CreatedByType": "<text>",
        "SocialTextHeader": "<text>",
        "IncidentNetworkUserName": "user",
        **{f"{link}Link_Category": "OrganizationalUnit" for link in ("OrgUnit", "Entity")},
        **{
            f"{link}Link{end}": "<text>" for link in ("OrgUnit", "Entity") for end in ("_RecID", "")
        },
        **dict.fromkeys((name for name in FIELDS if name.startswith(("Is", "First"))), False),
        "ReadOnly": False,
        "SendSurveyNotification": False,
    }
    values = {name: value for name, value in (always | said).items() if value is not None}
    twins = {f"{name}_Valid": "<text>" for name in values if f"{name}_Valid" in FIELDS}
    values |= twins
    return {"@odata.context": "<text>"} | {n: values[n] for n in FIELDS if n in values}


OWNED: Final = {
    "Owner": "jdoe",
    "OwnerEmail": "jdoe@example.com",
    "OwnershipAssignmentEmail": "jdoe@example.com",
}
IN_PAGE: Final[dict[str, Any]] = {
    "Service": "Service Desk",
    "ActualService": "Service Desk",
    "Source": "Phone",
    "OwnerTeam": "Service Management Team",
}
READ: Final = incident(IncidentNumber=NUMBER, RecId=REC_ID, **IN_PAGE)
MADE: Final = incident(
    **{name: value for name, value in NEW.items() if name != "Owner"}, **OWNED, Priority="3"
)
CHANGED: Final = incident(
    **(IN_PAGE | OWNED),
    **{name: value for name, value in CHANGE.items() if name not in ("Owner", "ProfileLink")},
    ActualCategory="How-To",
    ProgressBarPosition="3",
)
FOUND: Final = {name: value for name, value in READ.items() if name != "@odata.context"}

SAMPLES: Final = tuple(
    sample
    for root in ROOTS
    for sample in (
        call("U1", "GET", f"{root}/employees", answer=listed(...)),
        call(
            "U2",
            "GET",
            f"{root}/employees?$search=user@example.com",
            answer=listed(USER),
        ),
        call(
            "U3",
            "GET",
            f"{root}/incidents?$filter=IncidentNumber%20eq%20{NUMBER}",
            answer=listed(FOUND),
        ),
        call("U4", "POST", f"{root}/incidents", NEW, answer=MADE, http=(201,)),
        call("U7", "POST", f"{root}/journal__Notess", NOTE, answer=WRITTEN, http=(201,)),
        call("U5", "PUT", f"{root}/incidents('{OTHER}')", CHANGE, answer=CHANGED),
    )
)
