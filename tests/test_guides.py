"""Every command of the how-to guides, run in the order of its guide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.oidc.realm import ANN, Realm
from tests.page import DOCS, blocks, calls, play

pytestmark = [pytest.mark.envoy, calls("curl", "openssl")]

GUIDES: Final = sorted((DOCS / "how-to").glob("*.md"))
# Guides of which more is known than that their commands succeed.
_TOLD: Final = {"postgresql", "smartops"}
PAGES: Final = [page for page in GUIDES if blocks(page) and page.stem not in _TOLD]
# What the reader who moves to PostgreSQL has: a hub with a secret and a file.
ANNS_HUB: Final = """
export POLYDESK_DATA="$HOME/polydesk" POLYDESK_PASSWORD=demo
AS="--url http://127.0.0.1:8080 --user demo@example.com"
make run
printf 'correct horse' | polydesk secret set 1 database $AS
echo "it smokes" > smoke.txt
polydesk file add tickets/1 smoke.txt --type text/plain $AS
down
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_in_their_order(page: Path, tmp_path: Path) -> None:
    play(page, tmp_path)


@pytest.mark.postgres
def test_a_hub_moves_to_postgresql_with_its_secrets_and_files(
    postgres_empty: str, tmp_path: Path
) -> None:
    told = {
        "postgresql://polydesk@db.example.com/polydesk": postgres_empty,
        "ann@example.com": "demo@example.com",
        "Ann's password": "demo",
    }

    printed = play(DOCS / "how-to" / "postgresql.md", tmp_path, told=told, before=ANNS_HUB)

    assert "correct horse" in printed
    assert (tmp_path / "copy").read_text() == "it smokes\n"


@pytest.mark.realm
def test_smartops_calls_with_tokens_of_its_realm(realm: Realm, tmp_path: Path) -> None:
    told = {
        "https://sso.example.com/realms/desk": realm.issuer,
        "username=ann": f"'username={json.dumps({'claims': ANN})}'",
    }

    printed = play(DOCS / "how-to" / "smartops.md", tmp_path, told=told)

    assert '"createdBy":"ann"' in printed
