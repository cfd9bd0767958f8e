"""The composition root: settings become a store, a desk, and what commands ask of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from polydesk import outbound, store
from polydesk.config import Settings
from polydesk.domain.attaching import Attachments
from polydesk.domain.classifying import Catalogs
from polydesk.domain.desk import Desk, Tickets
from polydesk.domain.directory import Directory
from polydesk.domain.following import Followers
from polydesk.domain.gatekeeper import Gatekeeper
from polydesk.domain.history import Entry
from polydesk.domain.identity import Role
from polydesk.domain.incident import Incidents
from polydesk.domain.intaking import Intake
from polydesk.domain.inventory import Inventory
from polydesk.domain.journal import Notes
from polydesk.domain.linking import Links
from polydesk.domain.location import Location
from polydesk.domain.org import Orgs
from polydesk.domain.overview import Overviews
from polydesk.domain.password import Hasher
from polydesk.domain.person import Person
from polydesk.domain.ports import Clock, Store
from polydesk.domain.realm import Realm, RealmPolicy
from polydesk.domain.registry import Registry
from polydesk.domain.ruling import Rules
from polydesk.domain.running import Runs
from polydesk.domain.scheduling import Schedules
from polydesk.domain.service_level import ServiceLevels
from polydesk.domain.shelf import Scripts, Shelf, Targets
from polydesk.domain.vault import Secrets
from polydesk.domain.watch import Watches


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Returns the time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Returns seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


def open_desk(settings: Settings, opened: Store, clock: Clock) -> Desk:
    """Builds the domain services on a store."""
    hasher = Hasher()
    orgs = Orgs(store=opened.identity, clock=clock)
    realm = open_realm(settings, orgs, clock)
    gatekeeper = Gatekeeper(store=opened.identity, clock=clock, hasher=hasher, realm=realm)
    blobs = store.LocalBlobs(settings.blobs_folder)
    attachments = Attachments(store=opened, blobs=blobs, clock=clock, largest=settings.largest_file)
    local = settings.local_targets or settings.demo
    runs = Runs(store=opened, clock=clock, local=local)
    secrets = open_secrets(settings, opened, clock)
    return Desk(
        orgs=orgs,
        tickets=Tickets(store=opened.tickets, clock=clock, orgs=orgs, attachments=attachments),
        incidents=Incidents(store=opened, clock=clock, orgs=orgs, attachments=attachments),
        notes=Notes(store=opened, clock=clock),
        links=Links(store=opened, clock=clock),
        attachments=attachments,
        intake=Intake(
            store=opened, blobs=blobs, clock=clock, orgs=orgs, largest=settings.largest_file
        ),
        people=Directory(Person, store=opened.people, clock=clock),
        locations=Directory(Location, store=opened.locations, clock=clock),
        secrets=secrets,
        inventory=Inventory(store=opened, clock=clock),
        schedules=Schedules(store=opened, secrets=secrets, clock=clock),
        levels=ServiceLevels(orgs=orgs, tickets=opened.tickets, clock=clock),
        catalogs=Catalogs(orgs=orgs),
        watches=Watches(store=opened.history, clock=clock),
        scripts=Scripts(store=opened.scripts, clock=clock),
        targets=Targets(store=opened.targets, clock=clock, local=local),
        runbooks=Shelf("runbook", store=opened.runbooks, clock=clock),
        rules=Rules(store=opened, clock=clock),
        runs=runs,
        followers=Followers(runs=runs, store=opened.runs, clock=clock),
        overviews=Overviews(store=opened.overview, clock=clock),
        registry=Registry(store=opened.identity, hasher=hasher, gatekeeper=gatekeeper),
        gatekeeper=gatekeeper,
    )


def open_realm(settings: Settings, orgs: Orgs, clock: Clock) -> Realm | None:
    """Builds what knows the realm of the settings, if they name one."""
    if not settings.oidc_issuer:
        return None
    policy = RealmPolicy(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        org_claim=settings.oidc_org_claim,
        role_claim=settings.oidc_role_claim,
        role=None if settings.oidc_role == "NONE" else Role[settings.oidc_role],
    )
    provider = outbound.OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        seconds=settings.oidc_seconds,
    )
    return Realm(policy=policy, provider=provider, orgs=orgs, clock=clock)


def open_secrets(settings: Settings, opened: Store, clock: Clock) -> Secrets:
    """Builds the vault on a store."""
    keys = store.LocalKeys(
        inline=settings.secret_keys.get_secret_value(),
        file=settings.named_keys,
        own=settings.own_keys,
    )
    return Secrets(store=opened, keys=keys, clock=clock)


async def migrate(settings: Settings) -> None:
    """Brings the database up to date."""
    await store.migrate(settings.store_url)


async def copy_database(settings: Settings, target: str) -> dict[str, int]:
    """Copies the database into an empty one; returns how many rows each table has."""
    return await store.copy(settings.store_url, target)


async def verify_history(settings: Settings) -> int | None:
    """Returns the entry at which the history has been tampered with, if there is one."""
    opened = await store.open_store(settings.store_url)
    try:
        return await opened.first_broken()
    finally:
        await opened.close()


async def newest_entries(settings: Settings, org: int | None, *, limit: int) -> list[Entry]:
    """Returns the newest entries of the history, oldest first."""
    opened = await store.open_store(settings.store_url)
    try:
        return await opened.history.newest_entries(org, limit=limit)
    finally:
        await opened.close()


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[Registry]:
    """Opens the registry of orgs and accounts for one command."""
    async with _open_desk(settings) as desk:
        yield desk.registry


@asynccontextmanager
async def open_vault(settings: Settings) -> AsyncIterator[Secrets]:
    """Opens the secrets of all orgs for one command."""
    async with _open_desk(settings) as desk:
        yield desk.secrets


@asynccontextmanager
async def _open_desk(settings: Settings) -> AsyncIterator[Desk]:
    opened = await store.open_store(settings.store_url)
    try:
        yield open_desk(settings, opened, SystemClock())
    finally:
        await opened.close()
