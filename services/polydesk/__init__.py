"""One service desk, many dialects."""

from __future__ import annotations
