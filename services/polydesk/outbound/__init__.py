"""What the hub asks of others: clients of services outside, behind the ports of the domain."""

from __future__ import annotations

from polydesk.outbound.oidc import OidcProvider

__all__ = ["OidcProvider"]
