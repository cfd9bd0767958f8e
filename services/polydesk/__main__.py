"""Lets `python -m polydesk` be the command line."""

from __future__ import annotations

from polydesk.cli import main

if __name__ == "__main__":
    main()
