"""The demo class: four people whose password everybody knows, and a room with something in it. Made by the rules
themselves, so it shows what a real class leaves behind."""

from __future__ import annotations

from sqlalchemy import select

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Role
from chatapp.db import reading
from chatapp.domain import accounts, lobby, messages, passwords, rooms, sessions
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import User

PASSWORD = "chatapp-demo"  # noqa: S105 — known to everybody, hence refused on a public address
TEACHER = "teacher"
STUDENTS = ("student1", "student2", "student3")
NAMES = {TEACHER: "Ms Rivera", "student1": "Ada", "student2": "Ben", "student3": "Chloé"}
TITLE = "Physics 8b: falling things"
CONVERSATION = (
    (TEACHER, "Good morning! A hammer and a feather fall from the same height. Which one lands first?"),
    ("student1", "The hammer, it is heavier."),
    ("student2", "On the Moon they land together 🌕 I saw the film!"),
    (TEACHER, "Both of you are right. What is it that the Moon does not have, @student1?"),
    ("student1", "Air!"),
)
_DEVICE = "flask demo"


def is_empty() -> bool:
    """Whether the school has nobody yet."""
    with reading() as session:
        return session.scalar(select(User.id).limit(1)) is None


def build() -> None:
    """Make what is missing of the demo class. Again: nothing changes. Raises conflict when one of its names belongs to
    somebody with another password."""
    for name in (TEACHER, *STUDENTS):
        _enrol(name, Role.TEACHER if name == TEACHER else Role.STUDENT)
    people = {name: _signed_in(name) for name in (TEACHER, *STUDENTS)}
    if not rooms.list_cards(people[TEACHER], mine=True, limit=1)["items"]:
        _hold_a_lesson(people)
    for actor in people.values():
        sessions.logout(actor)


def open_accounts() -> list[str]:
    """The demo accounts that anybody can use: active, and with the password that everybody knows."""
    with reading() as session:
        found = session.scalars(select(User).where(User.username_key.in_(NAMES), User.active)).all()
    return sorted(user.username for user in found if passwords.current().matches(user.password_hash, PASSWORD))


def _enrol(name: str, role: Role) -> None:
    try:
        accounts.create(OPERATOR, username=name, password=PASSWORD, role=role, display_name=NAMES[name])
    except Refused as refused:
        if refused.code is not Code.CONFLICT:
            raise


def _signed_in(name: str) -> Actor:
    try:
        opened = sessions.login(username=name, password=PASSWORD, device=_DEVICE)
    except Refused as refused:
        raise Refused(Code.CONFLICT, f"{name} has another password than the demo's. Nothing was changed.") from refused
    return sessions.actor_of(opened.session_id)


def _hold_a_lesson(people: dict[str, Actor]) -> None:
    """Two students are in and talk; the third still knocks, for whoever signs in as the teacher."""
    teacher = people[TEACHER]
    room_id = rooms.create(teacher, title=TITLE, description="Bring something to drop.")["id"]
    for name in STUDENTS[:2]:
        lobby.knock(people[name], room_id=room_id)
    lobby.approve(teacher, room_id=room_id, selector={"all": True})
    for number, (name, text) in enumerate(CONVERSATION, start=1):
        messages.send(people[name], room_id=room_id, client_id=f"demo-{number}", body=text)
    lobby.knock(people[STUDENTS[2]], room_id=room_id, note="Sorry I am late!")
