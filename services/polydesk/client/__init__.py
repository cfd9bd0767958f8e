"""The Python client: what programs that work with a hub import, and our own command line, too.

`docs/client.md` is its guide. The messages are those of the contracts, `polydesk.api.v1`.
"""

from __future__ import annotations

from polydesk.client import errors
from polydesk.client.channel import Certificate
from polydesk.client.client import Client
from polydesk.client.errors import HubError
from polydesk.client.page import pages
from polydesk.client.patience import Patience
from polydesk.client.watch import Change, Watch

__all__ = ["Certificate", "Change", "Client", "HubError", "Patience", "Watch", "errors", "pages"]
