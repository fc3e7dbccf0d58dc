"""`flask users …`, `flask files sweep` and `flask demo`: the operator's commands, through the domain.

`flask db …` is Flask-Migrate's. A running server sees what they wrote by its poll.
"""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from chatapp import demo
from chatapp.console import in_one_line
from chatapp.contract.words import Role
from chatapp.domain import accounts, authenticator
from chatapp.domain.actor import OPERATOR
from chatapp.operate import commands
from chatapp.transports.sweeping import ORPHAN_SECONDS, sweep
from chatapp.transports.uploads import EXTENSION as UPLOADS
from config import EX_CONFIG, Settings

ROLE = click.Choice([role.value for role in Role])
PAGE = 500

users = AppGroup("users", help="Accounts: create, list, set-role, set-password, reset-second-factor, erase.")


class UnsafeError(click.ClickException):
    """What the settings forbid."""

    exit_code = EX_CONFIG


def register(app: Flask, settings: Settings) -> None:
    """Add the commands to `flask --app wsgi`."""
    users.add_command(commands.erase)
    app.cli.add_command(users)
    app.cli.add_command(_files(app, settings))
    app.cli.add_command(_demo(settings))
    commands.register(app, settings)


password_stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
"""Else a prompt. An argument would stay in the shell's history and in the process list."""


@users.command("create")
@click.argument("username")
@click.option("--role", type=ROLE, default=Role.STUDENT.value, show_default=True)
@click.option("--display-name", help="The username if left out.")
@password_stdin_option
@in_one_line
def create(username: str, role: str, display_name: str | None, password_stdin: bool) -> None:
    """Make an account."""
    password = _password(from_stdin=password_stdin)
    made = accounts.create(OPERATOR, username=username, password=password, role=Role(role), display_name=display_name)
    click.echo(f"{made['username']} is a {made['role']} now.")


@users.command("list")
@in_one_line
def list_users() -> None:
    """Show everybody: username, role, display name."""
    cursor = None
    while True:
        page = accounts.list_all(OPERATOR, limit=PAGE, cursor=cursor)
        for user in page["items"]:
            state = "" if user["active"] else "  (deactivated)"
            click.echo(f"{user['username']:<24} {user['role']:<8} {user['display_name']}{state}")
        cursor = page["next_cursor"]
        if cursor is None:
            return


@users.command("set-role")
@click.argument("username")
@click.argument("role", type=ROLE)
@in_one_line
def set_role(username: str, role: str) -> None:
    """Give somebody another role. Their sessions end."""
    user = accounts.by_username(OPERATOR, username=username)
    accounts.set_role(OPERATOR, user_id=user["id"], role=Role(role))
    click.echo(f"{user['username']} is a {role} now.")


@users.command("set-password")
@click.argument("username")
@password_stdin_option
@in_one_line
def set_password(username: str, password_stdin: bool) -> None:
    """Give somebody a new password. Their sessions end."""
    user = accounts.by_username(OPERATOR, username=username)
    accounts.set_password(OPERATOR, user_id=user["id"], password=_password(from_stdin=password_stdin))
    click.echo(f"{user['username']} has a new password.")


@users.command("reset-second-factor")
@click.argument("username")
@in_one_line
def reset_second_factor(username: str) -> None:
    """Ask somebody for no codes any more, who has lost the app. Their sessions end."""
    user = accounts.by_username(OPERATOR, username=username)
    authenticator.reset(OPERATOR, user_id=user["id"])
    click.echo(f"{user['username']} signs in with the password alone now.")


def _demo(settings: Settings) -> click.Command:
    @click.command("demo")
    @click.option("--if-empty", is_flag=True, help="Only when the school has nobody yet.")
    @in_one_line
    def build(if_empty: bool) -> None:
        """Make the demo class: teacher, student1 to student3, a room. Again: nothing changes."""
        if not settings.demo:
            raise UnsafeError("DEMO is false here: everybody knows the password of the demo accounts.")
        if if_empty and not demo.is_empty():
            return
        demo.build()
        click.echo(f"Demo class: {', '.join((demo.TEACHER, *demo.STUDENTS))}, password {demo.PASSWORD}")

    return build


def _files(app: Flask, settings: Settings) -> AppGroup:
    group = AppGroup("files", help="Uploaded files: sweep.")

    @group.command("sweep")
    @click.option(
        "--older-than",
        type=click.IntRange(0),
        default=int(ORPHAN_SECONDS),
        show_default=True,
        help="Seconds. Younger bytes may be an upload under way; 0 only while no server runs.",
    )
    @in_one_line
    def sweep_files(older_than: int) -> None:
        """Take away bytes that no file owns and files that no message shows; name the files whose bytes are lost."""
        swept = sweep(app.extensions[UPLOADS], drafts_older_than=settings.draft_seconds, orphans_older_than=older_than)
        click.echo(f"{swept.drafts} unsent files and {swept.orphans} ownerless bytes swept away.")
        for key in swept.missing:
            click.echo(f"The bytes of {key} are missing.")
        if swept.missing:
            raise click.ClickException(f"{len(swept.missing)} files have no bytes. Restore them from a backup.")

    return group


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
