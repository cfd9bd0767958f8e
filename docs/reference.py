"""The pages of the reference: made from the contracts, the command line and the settings.

What they say stands where it is meant, in a contract's comment, a command's help or a setting's
description, and nowhere else, so that no page can tell another thing than the program does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import typer
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from polydesk.cli import app
from polydesk.config import Login, Settings
from polydesk.openapi.comment import comment
from polydesk.openapi.operation import operations
from polydesk.openapi.schema import Schemas, is_required
from polydesk.rpc.method import Method, methods_of
from polydesk.server import services

ROOT: Final = "polydesk/api/"
CONTRACTS: Final = "reference/contracts.md"
COMMANDS: Final = "reference/commands.md"
SETTINGS: Final = "reference/settings.md"
_OTHERS: Final = "google."
_SPECIAL: Final = re.compile(r"[\\*_{}\[\]<>#|]")
_CODE: Final = re.compile(r"(`[^`]*`)")


def pages() -> dict[str, str]:
    """Returns the text of each page, by its path among the documents."""
    made = {page_of(file.name): _contract(file) for file in contracts()}
    return made | {CONTRACTS: _contracts(), COMMANDS: _commands(), SETTINGS: _settings()}


def contracts() -> list[FileDescriptor]:
    """Returns the contracts that declare services, and those that these import, by their names."""
    pool = descriptor_pool.Default()
    found: dict[str, FileDescriptor] = {}
    waiting = [pool.FindServiceByName(name).file for name in _served()]
    while waiting:
        file = waiting.pop()
        if file.name.startswith(ROOT) and file.name not in found:
            found[file.name] = file
            waiting += file.dependencies
    return [found[name] for name in sorted(found)]


def page_of(contract: str) -> str:
    """Returns the path of the page of a contract such as `polydesk/api/v1/ticket.proto`."""
    return f"reference/{contract.removeprefix(ROOT).removesuffix('.proto')}.md"


def _served() -> list[str]:
    return [name for name in services() if name.startswith(ROOT.replace("/", "."))]


def _contracts() -> str:
    rows = [
        f"| [{file.name.removeprefix(ROOT)}]({page_of(file.name).removeprefix('reference/')}) |"
        f" {' '.join(file.services_by_name)} | {_first(file)} |"
        for file in contracts()
    ]
    return _lines(
        "# The contracts",
        "",
        "Every call of the hub, by gRPC and by REST. Names of fields are those of the contracts;"
        " where JSON has another one, it stands beside it.",
        "",
        "| contract | services | what it is |",
        "|---|---|---|",
        *rows,
    )


def _first(file: FileDescriptor) -> str:
    """Returns the first sentence of a contract's first service, or of its first message."""
    named = [*file.services_by_name.values(), *file.message_types_by_name.values()]
    words = comment(named[0].full_name) if named else ""
    return _plain(words.partition(". ")[0].rstrip("."))


def _contract(file: FileDescriptor) -> str:
    methods = methods_of(service.full_name for service in file.services_by_name.values())
    schemas = Schemas()
    said = [f"# {file.name.removeprefix(ROOT)}", "", f"Package `{file.package}`."]
    for service in file.services_by_name.values():
        said += ["", _heading(2, service.name), "", _plain(comment(service.full_name))]
        for method in service.methods:
            known = methods[f"/{service.full_name}/{method.name}"]
            said += ["", *_method(method, known, schemas)]
    for message in file.message_types_by_name.values():
        said += _message(message, file, "")
    for enum in file.enum_types_by_name.values():
        said += _enum(enum, "")
    return _lines(*said)


def _method(method: MethodDescriptor, known: Method, schemas: Schemas) -> Iterator[str]:
    yield _heading(3, method.name, f"{method.containing_service.name}.{method.name}")
    yield ""
    yield _plain(comment(method.full_name))
    yield ""
    file = method.containing_service.file
    takes = "a stream of " if method.client_streaming else ""
    gives = "a stream of " if method.server_streaming else ""
    yield f"- Takes {takes}{_link(method.input_type, file)},"
    yield f"  answers {gives}{_link(method.output_type, file)}."
    yield f"- {_access(known)}"
    for operation in operations(method, schemas):
        yield f"- `{operation.verb.upper()} {operation.path}`"


def _access(method: Method) -> str:
    if method.anonymous:
        return "For everybody, without credentials."
    how = "With a bearer token and nothing else" if method.bearer_only else "For whoever logs in"
    scope = f", with the scope `{method.scope}`" if method.scope else ""
    return f"{how}{scope}; {'reads' if method.read_only else 'may change something'}."


def _message(message: Descriptor, file: FileDescriptor, above: str) -> Iterator[str]:
    if message.GetOptions().map_entry:
        return
    name = f"{above}{message.name}"
    yield from ("", _heading(3, name), "", _plain(comment(message.full_name)))
    if message.fields:
        yield from ("", "| field | type | |", "|---|---|---|")
        yield from (_field(field, file) for field in message.fields)
    for nested in message.nested_types:
        yield from _message(nested, file, f"{name}.")
    for enum in message.enum_types:
        yield from _enum(enum, f"{name}.")


def _field(field: FieldDescriptor, file: FileDescriptor) -> str:
    usual = re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), field.name)
    other = "" if field.json_name in (field.name, usual) else f"; JSON: `{field.json_name}`"
    required = " Required." if is_required(field) else ""
    words = _plain(comment(field.full_name))
    return f"| `{field.name}`{other} | {_type(field, file)} | {words}{required} |"


def _type(field: FieldDescriptor, file: FileDescriptor) -> str:
    if field.message_type and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        return f"map of {_type(key, file)} to {_type(value, file)}"
    several = "list of " if field.is_repeated else ""
    named = field.message_type or field.enum_type
    return several + (_link(named, file) if named else _scalar(field))


def _scalar(field: FieldDescriptor) -> str:
    names = {
        number: name.removeprefix("TYPE_").lower()
        for name, number in vars(FieldDescriptor).items()
        if name.startswith("TYPE_")
    }
    return names[field.type]


def _link(named: Descriptor | EnumDescriptor, file: FileDescriptor) -> str:
    if not named.file.name.startswith(ROOT):
        return f"`{named.full_name}`"
    name = named.full_name.removeprefix(f"{named.file.package}.")
    up = "../" * (page_of(file.name).count("/") - 1)
    page = (
        "" if named.file.name == file.name else up + page_of(named.file.name)[len("reference/") :]
    )
    return f"[{name}]({page}#{_anchor(name)})"


def _enum(enum: EnumDescriptor, above: str) -> Iterator[str]:
    beside = enum.full_name.rpartition(".")[0]
    yield from ("", _heading(3, f"{above}{enum.name}"), "", _plain(comment(enum.full_name)), "")
    yield from ("| value | | |", "|---|---|---|")
    for value in enum.values:
        words = _plain(comment(f"{beside}.{value.name}"))
        yield f"| `{value.name}` | {value.number} | {words} |"


def _commands() -> str:
    root = typer.main.get_command(app)
    said = ["# The commands", "", "What `--help` says of every command, in one place."]
    for path, command in _tree(root, ("polydesk",)):
        said += ["", *_command(path, command)]
    return _lines(*said)


def _tree(command: Any, path: Sequence[str]) -> Iterator[tuple[Sequence[str], Any]]:
    """Yields a command and those below it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _tree(below, (*path, name))


def _command(path: Sequence[str], command: Any) -> Iterator[str]:
    name = " ".join(path)
    yield _heading(2 if hasattr(command, "commands") else 3, name)
    yield ""
    yield _plain(" ".join((command.help or "").split()))
    if hasattr(command, "commands"):
        return
    context = command.make_context(path[-1], [], resilient_parsing=True)
    pieces = [piece.strip("{}") for piece in command.collect_usage_pieces(context)]
    yield from ("", "```text", " ".join([name, *pieces]), "```")
    records = [parameter.get_help_record(context) for parameter in command.params]
    if told := [record for record in records if record]:
        yield from ("", "| | |", "|---|---|")
        yield from (f"| `{_cell(name)}` | {_plain(words)} |" for name, words in told)


def _settings() -> str:
    said = [
        "# The settings",
        "",
        "They are variables of the environment. An option of a command goes before them.",
        "",
        "## Of the hub, the worker and the gateway",
        "",
        *_table(Settings),
        "",
        "## Of commands that call a hub",
        "",
        *_table(Login),
    ]
    return _lines(*said)


def _table(settings: type[BaseSettings]) -> Iterator[str]:
    yield from ("| variable | usual | |", "|---|---|---|")
    for name, field in settings.model_fields.items():
        usual = _usual(field.default)
        yield f"| `{variable(name)}` | {usual} | {_plain(field.description or '')} |"


def variable(setting: str) -> str:
    """Returns the variable of the environment in which a setting stands."""
    return f"POLYDESK_{setting.upper()}"


def _usual(value: object) -> str:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return f"`{text}`" if text else ""


def _heading(level: int, text: str, anchor: str = "") -> str:
    return f"{'#' * level} {_plain(text)} {{#{_anchor(anchor or text)}}}"


def _anchor(name: str) -> str:
    return name.replace(" ", "-").lower()


def _plain(text: str) -> str:
    """Returns words of ours as Markdown that says just that; what is in backticks stays code."""
    parts = _CODE.split(text)
    return "".join(
        _cell(part)
        if part.startswith("`")
        else _SPECIAL.sub(r"\\\g<0>", part).replace(r"\<", "&lt;")
        for part in parts
    )


def _cell(code: str) -> str:
    return code.replace("|", r"\|")


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def navigation() -> list[Mapping[str, Any]]:
    """Returns the reference's part of the site's navigation."""
    own = [file for file in contracts() if file.package == "polydesk.api.v1"]
    others = [file for file in contracts() if file not in own]
    return [
        {"Commands": COMMANDS},
        {"Settings": SETTINGS},
        {"Contracts": CONTRACTS},
        {"Polydesk's own API": [{_short(file): page_of(file.name)} for file in own]},
        {"Dialects": [{_short(file): page_of(file.name)} for file in others]},
    ]


def _short(file: FileDescriptor) -> str:
    return file.name.rpartition("/")[2].removesuffix(".proto")
