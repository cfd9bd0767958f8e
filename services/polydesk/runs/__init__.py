"""What works on runs: the durable engine behind the Runner port, and the launchers.

Imported by `polydesk work` alone: a hub that serves knows neither the engine nor SQLAlchemy.
"""

from __future__ import annotations
