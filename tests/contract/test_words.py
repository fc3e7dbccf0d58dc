"""The closed vocabularies agree with CONTRACT's page, with each other and with the database's own constraints."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest
from sqlalchemy import CheckConstraint

from chatapp.contract import words
from chatapp.contract.errors import MEANINGS, Code, Refused, invalid, not_found
from chatapp.contract.hints import Hint, type_names
from chatapp.db import Base

STORED = {
    "ck_users_role": words.Role,
    "ck_rooms_admission": words.Admission,
    "ck_memberships_state": words.MemberState,
    "ck_join_requests_status": words.RequestStatus,
    "ck_messages_type": words.MessageType,
}


@pytest.mark.parametrize(("constraint", "vocabulary"), STORED.items(), ids=STORED)
def test_the_database_takes_the_words_of_the_contract_and_no_others(constraint: str, vocabulary: type[StrEnum]) -> None:
    (check,) = [
        found
        for table in Base.metadata.tables.values()
        for found in table.constraints
        if isinstance(found, CheckConstraint) and found.name == constraint
    ]
    assert set(re.findall(r"'(\w+)'", str(check.sqltext))) == {word.value for word in vocabulary}


def test_every_stored_word_fits_its_column() -> None:
    vocabularies = [one for one in vars(words).values() if isinstance(one, type) and issubclass(one, StrEnum)]
    assert all(re.fullmatch(r"[a-z_]{1,32}", word.value) for one in vocabularies for word in one)


def test_what_evicts_is_leaving_and_removal() -> None:
    assert {code.value for code in words.EVICTING} == {"participant_left", "participant_removed"}


def test_every_code_has_a_meaning_and_the_status_of_the_contract() -> None:
    assert set(MEANINGS) == set(Code)
    statuses = {code.value: meaning.status for code, meaning in MEANINGS.items()}
    assert statuses == {
        "invalid_payload": 400,
        "unauthorized": 401,
        "forbidden": 403,
        "not_found": 404,
        "unknown_command": 404,
        "method_not_allowed": 405,
        "conflict": 409,
        "not_pending": 409,
        "room_closed": 409,
        "room_full": 409,
        "limit_reached": 409,
        "too_large": 413,
        "unsupported_media_type": 415,
        "range_not_satisfiable": 416,
        "content_rejected": 422,
        "rate_limited": 429,
        "internal": 500,
        "unavailable": 503,
    }
    assert {code.value for code in Code if MEANINGS[code].retryable} == {"rate_limited", "unavailable", "internal"}


def test_a_refusal_is_shown_on_sockets_as_the_contract_says() -> None:
    assert not_found().as_socket_error() == {
        "code": "not_found",
        "message": "This does not exist, or is not yours to see.",
        "retryable": False,
    }
    assert invalid("body", "Write something.").as_socket_error()["fields"] == {"body": ["Write something."]}
    told = Refused(Code.RATE_LIMITED, retry_after=1.23456, data={"my_role": "pending"}).as_socket_error()
    assert (told["retryable"], told["retry_after"], told["my_role"]) == (True, 1.235, "pending")
    assert (Refused(Code.ROOM_FULL).status, Refused(Code.INTERNAL).retryable) == (409, True)


def test_every_hint_is_in_the_list_that_travels() -> None:
    assert set(type_names) == set(Hint.__args__)
