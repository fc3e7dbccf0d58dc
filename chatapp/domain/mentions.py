"""Who is meant by an `@username` in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from chatapp.contract import texts
from chatapp.contract.words import MemberState
from chatapp.models import Membership, User

MOST_MENTIONS = 20
"""Of one message: each is a row that the whole batch waits for, and a text has room for hundreds of names."""

_MENTION = re.compile(r"(?<!\w)@([\w.\-]{1,40})")


def of(session: Session, body: str, *, room_id: str, by: str) -> Sequence[str]:
    """The ids of the room's participants who are named in a text; its writer is not told of themselves."""
    query = (
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.room_id == room_id, Membership.state == MemberState.ACTIVE)
        .where(User.username_key.in_(_named_in(body)), User.id != by)
    )
    return session.scalars(query).all()


def _named_in(body: str) -> set[str]:
    """The usernames that a text may mean, the first so many, folded to compare. A dot at the end may be the sentence's
    or the name's."""
    found = list(dict.fromkeys(_MENTION.findall(unicodedata.normalize("NFC", body))))[:MOST_MENTIONS]
    return {texts.username_key(name) for whole in found for name in (whole, whole.rstrip(".-"))}
