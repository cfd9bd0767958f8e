"""Envoy's template: YAML in which `!hole name` marks what is filled in.

What is marked `!with:name` is there only where that hole is filled with something.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml


class BadTemplate(Exception):
    """The template and the holes that are filled do not fit together."""


class _Template(yaml.SafeLoader):
    holes: Mapping[str, Any]
    filled: set[str]

    def hole(self, node: yaml.ScalarNode) -> Any:
        name = str(self.construct_scalar(node))
        if name not in self.holes:
            raise BadTemplate(f"nothing fills the hole {name!r}")
        self.filled.add(name)
        return self.holes[name]

    def part(self, name: str, node: yaml.MappingNode) -> Any:
        there = self.construct_mapping(node, deep=True)
        if name not in self.holes:
            raise BadTemplate(f"nothing fills the hole {name!r}")
        self.filled.add(name)
        return there if self.holes[name] else None


_Template.add_constructor("!hole", _Template.hole)
_Template.add_multi_constructor("!with:", _Template.part)


class _Plain(yaml.SafeDumper):
    """Repeats what is shared instead of pointing to it."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def fill(template: str, holes: Mapping[str, Any]) -> dict[str, Any]:
    """Puts each value into the hole of its name; a hole or a value left over is an error."""
    loader = _Template(template)
    loader.holes, loader.filled = holes, set()
    config: dict[str, Any] = loader.get_single_data()
    if left := holes.keys() - loader.filled:
        raise BadTemplate(f"the template has no hole for {', '.join(sorted(left))}")
    _leave_out(config)
    return config


def _leave_out(value: Any) -> None:
    """Takes the parts out of lists that are not there."""
    if isinstance(value, list):
        value[:] = [each for each in value if each is not None]
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            _leave_out(each)


def to_json(config: dict[str, Any]) -> str:
    """Writes a configuration as Envoy reads it soonest."""
    return json.dumps(config)


def to_yaml(config: dict[str, Any]) -> str:
    """Writes a configuration as people read it, and Envoy."""
    return yaml.dump(config, Dumper=_Plain, sort_keys=False, width=2**20)
