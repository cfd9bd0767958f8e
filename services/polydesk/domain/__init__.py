"""The rules of the desk, in plain Python: what holds whichever dialect is spoken."""

from __future__ import annotations
