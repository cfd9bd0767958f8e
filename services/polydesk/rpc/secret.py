"""The canonical service of secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc.aio

from polydesk.api.v1 import secret_pb2, secret_pb2_grpc
from polydesk.domain.desk import Desk
from polydesk.domain.errors import Invalid, Missing
from polydesk.domain.query import page_size
from polydesk.domain.secret import Secret, SecretDraft, check_description
from polydesk.rpc.moment import timestamp
from polydesk.rpc.name import id_of, secret_of
from polydesk.wire import caller_of

Context = grpc.aio.ServicerContext[Any, Any]


class SecretServicer(secret_pb2_grpc.SecretServiceServicer):
    """Serves the secrets of orgs."""

    def __init__(self, desk: Desk) -> None:
        self._secrets = desk.secrets

    async def CreateSecret(
        self, request: secret_pb2.CreateSecretRequest, _: Context
    ) -> secret_pb2.Secret:
        """Makes a secret."""
        org = id_of(request.parent, "orgs", field="parent")
        made = await self._secrets.create(caller_of(), org, to_draft(request), request.value)
        return from_secret(made)

    async def GetSecret(
        self, request: secret_pb2.GetSecretRequest, _: Context
    ) -> secret_pb2.Secret:
        """Returns the facts of a secret."""
        return from_secret(await self._secrets.get(caller_of(), *secret_of(request.name)))

    async def ListSecrets(
        self, request: secret_pb2.ListSecretsRequest, _: Context
    ) -> secret_pb2.ListSecretsResponse:
        """Returns a page of an org's secrets."""
        page = await self._secrets.page(
            caller_of(),
            id_of(request.parent, "orgs", field="parent"),
            limit=page_size(request.page_size),
            token=request.page_token,
        )
        return secret_pb2.ListSecretsResponse(
            secrets=map(from_secret, page.items), next_page_token=page.next_token
        )

    async def UpdateSecret(
        self, request: secret_pb2.UpdateSecretRequest, _: Context
    ) -> secret_pb2.Secret:
        """Changes a secret."""
        org, name = secret_of(request.secret.name, field="secret.name")
        updated = await self._secrets.update(
            caller_of(),
            org,
            name,
            value=request.value or None,
            description=to_description(request),
            etag=request.secret.etag,
        )
        return from_secret(updated)

    async def DeleteSecret(
        self, request: secret_pb2.DeleteSecretRequest, _: Context
    ) -> secret_pb2.Secret:
        """Deletes a secret."""
        org, name = secret_of(request.name)
        return from_secret(await self._secrets.remove(caller_of(), org, name, etag=request.etag))

    async def AccessSecret(
        self, request: secret_pb2.AccessSecretRequest, _: Context
    ) -> secret_pb2.AccessSecretResponse:
        """Returns the value of a secret."""
        opened = await self._secrets.access(caller_of(), *secret_of(request.name))
        return secret_pb2.AccessSecretResponse(
            name=request.name, etag=opened.secret.etag, value=opened.value
        )


def to_draft(request: secret_pb2.CreateSecretRequest) -> SecretDraft:
    """Reads what a caller says of a new secret."""
    with _named({"name": "secret_id", "description": "secret.description"}):
        return SecretDraft(name=request.secret_id, description=request.secret.description)


def to_description(request: secret_pb2.UpdateSecretRequest) -> str | None:
    """Reads the new description; None where it stays."""
    paths = set(request.update_mask.paths)
    if unknown := paths - {"description"}:
        raise Invalid(
            f"update_mask: {min(unknown)} cannot be changed here; description can",
            field="update_mask",
        )
    if not paths and not request.secret.description:
        if not request.value:
            raise Missing("a value or a description is required", field="value")
        return None
    with _named({"description": "secret.description"}):
        check_description(request.secret.description)
    return request.secret.description


@contextmanager
def _named(fields: Mapping[str, str]) -> Iterator[None]:
    """Has an error name the field of the contract, and not that of the record."""
    try:
        yield
    except Invalid as error:
        field = fields[error.field]
        message = field + error.message.removeprefix(error.field)
        raise type(error)(message, field=field) from error


def from_secret(secret: Secret) -> secret_pb2.Secret:
    """Writes the facts of a secret as the contract has them."""
    return secret_pb2.Secret(
        name=f"orgs/{secret.org}/secrets/{secret.name}",
        description=secret.description,
        create_time=timestamp(secret.created_at),
        update_time=timestamp(secret.updated_at),
        value_time=timestamp(secret.valued_at),
        etag=secret.etag,
    )
