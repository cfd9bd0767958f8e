"""The command line. Commands import what is heavy when they run, so that `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from polydesk.cli import (
    audit,
    catalog,
    ci,
    copy,
    directory,
    doctor,
    exporter,
    file,
    identity,
    importer,
    incident,
    link,
    mail,
    note,
    openapi,
    rule,
    runbook,
    schedule,
    script,
    secret,
    serve,
    target,
    ticket,
    up,
    watch,
)
from polydesk.cli import run as runs
from polydesk.cli.failure import Failure, Status
from polydesk.domain.errors import PolydeskError

app = typer.Typer(
    help="One service desk, many dialects.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("work")(serve.work)
app.command("gateway")(serve.gateway)
app.command("doctor")(doctor.doctor)
app.command("migrate")(serve.migrate)
app.command("copy")(copy.copy)
app.add_typer(identity.org, name="org")
app.add_typer(identity.user, name="user")
app.add_typer(identity.client, name="client")
app.add_typer(identity.token, name="token")
app.add_typer(audit.audit, name="audit")
app.add_typer(ticket.ticket, name="ticket")
app.add_typer(incident.incident, name="incident")
app.add_typer(note.note, name="note")
app.add_typer(mail.email, name="email")
app.add_typer(link.link, name="link")
app.add_typer(file.file, name="file")
app.add_typer(catalog.category, name="category")
app.add_typer(catalog.field, name="field")
app.add_typer(directory.person, name="person")
app.add_typer(directory.location, name="location")
app.add_typer(secret.secret, name="secret")
app.add_typer(script.script, name="script")
app.add_typer(target.target, name="target")
app.add_typer(runbook.runbook, name="runbook")
app.add_typer(rule.rule, name="rule")
app.add_typer(runs.run, name="run")
app.add_typer(ci.ci, name="ci")
app.add_typer(schedule.schedule, name="schedule")
app.command("watch")(watch.watch)
app.command("import")(importer.import_)
app.command("export")(exporter.export)
app.command("openapi")(openapi.openapi)


def main() -> None:
    """Runs the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status."""
    try:
        return int(app(arguments, prog_name="polydesk", standalone_mode=False) or 0)
    except (
        typer.TyperException,
        typer.Abort,
        PolydeskError,
        Failure,
        OSError,
        UnicodeError,
    ) as error:
        message, status = _explain(error)
    if message:
        typer.echo(f"polydesk: {' '.join(message.split())}", err=True)
    return status


def _explain(error: Exception) -> tuple[str, int]:
    match error:
        case typer.TyperException():
            return error.format_message(), Status.USAGE
        case typer.Abort():
            return "stopped", Status.INTERRUPTED
        case Failure():
            return error.message, error.status
        case PolydeskError():
            return error.message, Status.FAILED
        case UnicodeError():
            return "what was given is not in UTF-8", Status.FAILED
        case _:
            return str(error), Status.FAILED
