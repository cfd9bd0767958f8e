"""What every call passes: credentials, scopes, presence, the query, the unexpected."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from polydesk.api.v1 import identity_pb2, ticket_pb2
from polydesk.domain import demo
from polydesk.domain.desk import Tickets
from polydesk.rpc.method import AccessUndeclared, methods_of
from polydesk.server import services

if TYPE_CHECKING:
    from tests.conftest import Native

CALLER = identity_pb2.GetCallerRequest()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


async def refusal(native: Native, *metadata: tuple[str, str]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.identity.GetCaller(CALLER, metadata=metadata)
    return caught.value


@pytest.mark.parametrize(
    ("header", "login"),
    [
        (basic("demo@example.com:demo"), "demo@example.com"),
        (basic("DEMO@Example.com:demo"), "demo@example.com"),
        (basic("demo-client:demo-secret"), "demo-client"),
        (basic("APIuser@hcl.com:User password"), "APIuser@hcl.com"),
        (f"Apikey {demo.KEY}", "demo-client"),
        (f"rest_api_key={demo.KEY}", "demo-client"),
    ],
)
async def test_each_form_of_credentials_is_taken(native: Native, header: str, login: str) -> None:
    account = await native.identity.GetCaller(CALLER, metadata=[("authorization", header)])

    assert account.login == login


async def test_a_token_is_taken_until_it_is_revoked(native: Native) -> None:
    issued = await native.registry.token_for("demo@example.com")
    bearer = [("authorization", f"bearer {issued.access_token}")]

    assert (await native.identity.GetCaller(CALLER, metadata=bearer)).login == "demo@example.com"
    await native.registry.revoke_tokens("demo@example.com")

    error = await refusal(native, *bearer)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "revoked" in (error.details() or "")


async def test_another_signing_key_ends_every_token(native: Native) -> None:
    before = await native.registry.token_for("demo@example.com")
    old = [("authorization", f"Bearer {before.access_token}")]
    await native.identity.GetCaller(CALLER, metadata=old)

    await native.registry.change_signing_key()

    assert "none of this hub's" in ((await refusal(native, *old)).details() or "")
    after = await native.registry.token_for("demo@example.com")
    new = [("authorization", f"Bearer {after.access_token}")]
    assert (await native.identity.GetCaller(CALLER, metadata=new)).login == "demo@example.com"


async def test_a_key_is_ended_and_the_others_of_its_client_are_not(native: Native) -> None:
    await native.registry.add_key("demo-client", "second-key-of-the-client", label="second")
    first, second = (
        ("authorization", f"Apikey {key}") for key in (demo.KEY, "second-key-of-the-client")
    )
    await native.identity.GetCaller(CALLER, metadata=[second])
    known = await native.registry.keys("demo-client")

    (ended,) = (key.id for key in known if key.label == "second")
    await native.registry.end_key("demo-client", ended)

    assert "the API key is unknown" in ((await refusal(native, second)).details() or "")
    assert (await native.identity.GetCaller(CALLER, metadata=[first])).login == "demo-client"


async def test_a_new_password_ends_the_old_one_at_once(native: Native) -> None:
    old = native.headers()
    await native.identity.GetCaller(CALLER, metadata=old)

    await native.registry.set_secret("demo@example.com", "changed")

    assert (await refusal(native, *old)).code() is grpc.StatusCode.UNAUTHENTICATED
    await native.identity.GetCaller(CALLER, metadata=native.headers(secret="changed"))


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (None, "no credentials came"),
        (basic("demo@example.com:wrong"), "the user name or password is incorrect"),
        (basic("nobody@example.com:demo"), "the user name or password is incorrect"),
        ("Basic !!!", "not Base64 of user:password"),
        (basic("no colon"), "not Base64 of user:password"),
        ("Bearer not.a.token", "none of this hub's"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "none of this hub's"),
        ("Digest x", "neither Basic nor Bearer nor an API key"),
        ("Apikey wrong", "the API key is unknown"),
    ],
)
async def test_other_credentials_are_refused(
    native: Native, header: str | None, complaint: str
) -> None:
    error = await refusal(native, *([("authorization", header)] if header else []))

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert complaint in (error.details() or "")


async def test_only_operators_administer_the_hub(native: Native) -> None:
    api_user = native.headers(login=demo.API_USER[0], secret=demo.API_USER[1])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.identity.ListAccounts(identity_pb2.ListAccountsRequest(), metadata=api_user)
    accounts = await native.identity.ListAccounts(
        identity_pb2.ListAccountsRequest(), metadata=native.headers()
    )

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "demo-client" in {account.login for account in accounts.accounts}


async def test_an_operator_opens_an_org_with_an_account_in_it(native: Native) -> None:
    operator = native.headers()
    await native.identity.CreateOrg(
        identity_pb2.CreateOrgRequest(org=identity_pb2.Org(name="orgs/9", display_name="Nine")),
        metadata=operator,
    )
    account = await native.identity.CreateAccount(
        identity_pb2.CreateAccountRequest(
            account=identity_pb2.Account(
                kind=identity_pb2.Account.KIND_USER,
                login="ann@example.com",
                memberships=[identity_pb2.Membership(org="orgs/9", role=identity_pb2.ROLE_READER)],
            ),
            secret="sesame",
        ),
        metadata=operator,
    )

    orgs = await native.identity.ListOrgs(
        identity_pb2.ListOrgsRequest(),
        metadata=native.headers(login="ann@example.com", secret="sesame"),
    )

    assert [org.name for org in orgs.orgs] == ["orgs/9"]
    assert "sesame" not in str(account)


async def test_a_missing_field_is_named(native: Native) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="name is required") as caught:
        await native.tickets.GetTicket(ticket_pb2.GetTicketRequest(), metadata=native.headers())

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_query_may_not_override_the_path(native: Native) -> None:
    via_gateway = native.headers(
        **{"x-envoy-original-path": "/desk/v1/tickets/1?%6eame=tickets/2&x=y"}
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.tickets.GetTicket(
            ticket_pb2.GetTicketRequest(name="tickets/2"), metadata=via_gateway
        )

    body = json.loads(dict(caught.value.trailing_metadata() or ())["x-polydesk-body"])
    assert body["message"] == "name stands in the path or the body: leave it out of the query"


async def test_a_damaged_message_is_the_callers_fault(native: Native) -> None:
    call: Any = native.channel.unary_unary("/polydesk.api.v1.TicketService/GetTicket")

    with pytest.raises(grpc.aio.AioRpcError, match="cannot be read") as caught:
        await call(b"\xff\xff", metadata=native.headers())

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_unexpected_is_answered_with_nothing_but_the_id_of_the_request(
    native: Native, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(*_: object) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("the inner secret")

    monkeypatch.setattr(Tickets, "get", fail)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await native.tickets.GetTicket(
            ticket_pb2.GetTicketRequest(name="tickets/1"),
            metadata=native.headers(**{"x-request-id": "r-1"}),
        )

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "internal error, request r-1"
    logged = "".join(capsys.readouterr())
    assert "the inner secret" in logged
    assert "r-1" in logged


async def test_health_needs_no_credentials(native: Native) -> None:
    stub: Any = health_pb2_grpc.HealthStub(native.channel)

    for service in ("", *services()):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    "symbol",
    [
        "polydesk.api.v1.TicketService",
        "polydesk.api.v1.TicketService.SaveTickets",
        "polydesk.api.iautomate.v1.PushedIncidentV2",
    ],
)
async def test_reflection_describes(native: Native, symbol: str) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(native.channel)  # type: ignore[arg-type]  # typed for the synchronous channel
    question = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)

    [answer] = [answer async for answer in stub.ServerReflectionInfo(iter([question]))]

    assert answer.file_descriptor_response.file_descriptor_proto


def test_every_method_declares_who_may_call_it() -> None:
    methods = methods_of(services())

    open_to_all = {method.name for method in methods.values() if method.anonymous}
    # Where credentials are shown, what is told of the InsightConnect plugin, and pages.
    told = {"GetInfo", "GetSpec", "GetStatus", "ListActions"}
    pages = {"GetSwaggerFile", "GetConsoleFile", "GetOpenApiDocument"}
    assert open_to_all == {"IssueToken", "LogIn", *told, *pages}
    assert all(method.scope or method.anonymous or method.read_only for method in methods.values())


def test_a_method_that_declares_nothing_keeps_the_hub_from_starting() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="undeclared.proto", package="polydesk.api.undeclared.v1", syntax="proto3"
    )
    file.message_type.add(name="M")
    method = file.service.add(name="Open").method.add(name="Door")
    method.input_type = method.output_type = ".polydesk.api.undeclared.v1.M"
    descriptor_pool.Default().Add(file)

    with pytest.raises(AccessUndeclared, match=r"Open\.Door has no"):
        methods_of(["polydesk.api.undeclared.v1.Open"])
