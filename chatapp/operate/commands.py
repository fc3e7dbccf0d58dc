"""What an operator types beside `flask users`. What is done is in the neighbours; here it is asked for and told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from chatapp.console import in_one_line
from chatapp.domain import accounts, erasure, exports, retention
from chatapp.domain.actor import OPERATOR
from chatapp.filestore.store import Store
from chatapp.operate import backup as backups
from chatapp.operate import doctor
from chatapp.operate.archive import BadArchiveError, Manifest
from chatapp.transports import taking
from chatapp.transports.uploads import EXTENSION, Uploads
from config import Settings

P = ParamSpec("P")
PATH = click.Path(path_type=Path)


def register(app: Flask, settings: Settings) -> None:
    """Add the commands to `flask --app wsgi`."""
    app.cli.add_command(_backup)
    app.cli.add_command(_restore(settings))
    app.cli.add_command(retention_commands)
    app.cli.add_command(export_commands)
    app.cli.add_command(_doctor(settings))


retention_commands = AppGroup("retention", help="Letting go of what is older than RETENTION_… says.")


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """A file that cannot be read or written is one line, too."""

    @wraps(command)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (BadArchiveError, OSError) as fault:
            raise click.ClickException(str(fault)) from fault

    return in_one_line(quiet)


@click.command("backup")
@click.argument("path", type=PATH)
@with_appcontext
@_told
def _backup(path: Path) -> None:
    """Back up the school to PATH, a new file or a folder for one. Classes go on meanwhile."""
    written, manifest = backups.make(path, _store())
    click.echo(f"{written}: {_content(manifest)}, {written.stat().st_size / 1e6:.1f} MB")


def _restore(settings: Settings) -> click.Command:
    @click.command("restore")
    @click.argument("path", type=PATH)
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @with_appcontext
    @_told
    def restore(path: Path, yes: bool) -> None:
        """Replace the whole school by the backup in PATH. What was said since is gone; the connected start anew."""
        manifest = backups.look(path)
        click.echo(f"Backup of {manifest.made_at}: {_content(manifest)}")
        if not yes:
            click.confirm("Replace the whole school by it?", abort=True)
        backups.restore(path, _store(), settings.upload_dir)
        click.echo("Restored. Clients start anew within seconds; whoever was connected enters again by itself.")

    return restore


def _content(manifest: Manifest) -> str:
    rows = manifest.rows
    return f"{rows['users']} people, {rows['rooms']} rooms, {rows['messages']} messages, {manifest.files} files"


@retention_commands.command("apply")
@click.option("--dry-run", is_flag=True, help="Count only.")
@_told
def _apply(dry_run: bool) -> None:
    """Delete messages, files and audit entries that are older than the school and its rooms keep them."""
    done = retention.apply(OPERATOR, dry_run=dry_run)
    click.echo("Would go:" if dry_run else "Gone:")
    for name, words in WHAT_GOES.items():
        click.echo(f"{done[name]:>10} {words}")


WHAT_GOES = {
    "messages": "messages",
    "rooms": "rooms that lose some",
    "files": "files",
    "notes": "notes and reasons of old join requests and removals",
    "audit_entries": "audit entries",
}


@click.command("erase")
@click.argument("username")
@click.option("--name", default=erasure.NAME, show_default=True, help="What others see in the place of their name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_told
def erase(username: str, name: str, yes: bool) -> None:
    """Erase a person: their words, files and names, and those of their rooms. The order of rooms stays. For good."""
    user = accounts.by_username(OPERATOR, username=username)
    if not yes:
        click.confirm(f"Erase {user['display_name']} ({user['username']}, {user['role']}) for good?", abort=True)
    done = erasure.erase(OPERATOR, user_id=user["id"], display_name=name)
    click.echo(
        f"Erased: {done['messages']} messages and {done['files']} files in {done['rooms']} rooms. "
        f"What remains is {done['user']['username']}."
    )


export_commands = AppGroup("export", help="Take a room, or what is stored of a person, away in a ZIP archive.")


@export_commands.command("room")
@click.argument("room_id")
@click.argument("path", type=PATH)
@_told
def _export_room(room_id: str, path: Path) -> None:
    """A room: room.json, messages.csv, room.html and its files."""
    _write(path, taking.room_archive(exports.room(OPERATOR, room_id=room_id)))


@export_commands.command("person")
@click.argument("username")
@click.argument("path", type=PATH)
@_told
def _export_person(username: str, path: Path) -> None:
    """A person: person.json and the files that they sent."""
    user = accounts.by_username(OPERATOR, username=username)
    _write(path, taking.person_archive(exports.person(OPERATOR, user_id=user["id"])))


def _doctor(settings: Settings) -> click.Command:
    @click.command("doctor")
    def look() -> None:
        """Look at all that a worker stands on, and say what to do. Status 1: something fails."""
        worst = set()
        for finding in doctor.examine(settings):
            worst.add(finding.level)
            click.echo(f"{finding.level:<5}{finding.what:<12}{finding.said}")
            if finding.advice:
                click.echo(f"     {'':<12}-> {finding.advice}")
        if doctor.FAIL in worst:
            sys.exit(1)

    return look


def _store() -> Store:
    """Where uploaded files are kept, ready for some."""
    uploads: Uploads = current_app.extensions[EXTENSION]
    uploads.prepare()
    return uploads.store


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """A new file, for its owner alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
