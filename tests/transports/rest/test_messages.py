"""Sending and reading over REST: once each, in order, byte for byte."""

import pytest

from tests.support.school import Api, School, Signed


@pytest.fixture
def room(school: School, teacher: Signed, student: Signed) -> str:
    """A room with a host and a participant."""
    return f"/api/chat/{school.room(teacher, student)['id']}"


def test_a_message_is_new_once_and_a_duplicate_ever_after(
    api: Api, student: Signed, teacher: Signed, room: str
) -> None:
    sent = {"client_id": "one", "body": "Hello"}
    first = api.as_(student).post(f"{room}/messages/", sent).ok(201)
    assert (first["seq"], first["sender"], first["body"], first["type"]) == (3, student.user, "Hello", "text")
    assert api.as_(student).post(f"{room}/messages/", sent).ok(200) == first
    api.as_(student).post(f"{room}/messages/", {**sent, "body": "Other"}).refused("conflict")
    assert api.as_(teacher).post(f"{room}/messages/", sent).ok(201)["seq"] == 4
    assert [m["body"] for m in api.as_(teacher).get(f"{room}/messages/?after=2").ok()["items"]] == ["Hello", "Hello"]


@pytest.mark.parametrize(
    "body",
    ["<script>alert(1)</script>", '"><svg/onload=alert(1)>', "{{7*7}} ${7*7}", "'; DROP TABLE messages; --", "100% _x_",
     "line\nbreak\ttab", "👩‍👩‍👧‍👦 नमस्ते שלום 漢字", "e\u0301", "x" * 4000, "http://169.254.169.254/ file:///etc/passwd"],
)  # fmt: skip
def test_a_body_comes_back_byte_for_byte(api: Api, student: Signed, room: str, body: str) -> None:
    assert api.as_(student).post(f"{room}/messages/", {"client_id": "1", "body": body}).ok(201)["body"] == body
    assert api.as_(student).get(f"{room}/messages/").ok()["items"][-1]["body"] == body


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"client_id": "1", "body": ""}, "invalid_payload"),
        ({"client_id": "1", "body": "  \n "}, "invalid_payload"),
        ({"client_id": "1", "body": "\u200b\u200d\ufeff"}, "invalid_payload"),
        ({"client_id": "1", "body": "a\0b"}, "invalid_payload"),
        ({"client_id": "1", "body": "a" + "\u0301" * 11}, "invalid_payload"),
        ({"client_id": "1", "body": "x" * 4001}, "too_large"),
        ({"client_id": "1", "body": "🦜" * 4001}, "too_large"),
        ({"client_id": "1", "body": 5}, "invalid_payload"),
        ({"client_id": "1", "body": None}, "invalid_payload"),
        ({"client_id": "1"}, "invalid_payload"),
        ({"body": "x"}, "invalid_payload"),
        ({"client_id": "", "body": "x"}, "invalid_payload"),
        ({"client_id": "a" * 65, "body": "x"}, "invalid_payload"),
        ({"client_id": "🦜", "body": "x"}, "invalid_payload"),
        ({"client_id": {"a": 1}, "body": "x"}, "invalid_payload"),
        ({"client_id": 1, "body": "x"}, "invalid_payload"),
        ({"client_id": "1", "body": "x", "file_id": "y"}, "invalid_payload"),
        ({"client_id": "1", "body": "x", "seq": 1}, "invalid_payload"),
        ({"client_id": "1", "body": "x", "sender": "teacher"}, "invalid_payload"),
        ({"client_id": "1", "file_id": "a" * 20}, "not_found"),
    ],
)
def test_a_message_that_cannot_stand_is_refused(
    api: Api, student: Signed, room: str, message: dict[str, object], code: str
) -> None:
    api.as_(student).post(f"{room}/messages/", message).refused(code)
    api.as_(student).post(f"{room}/messages/", {"client_id": "1", "body": "x"}).ok(201)


def test_strangers_neither_send_nor_read(api: Api, school: School, student: Signed, room: str) -> None:
    stranger, pending, rival = school.student(), school.student(), school.teacher()
    api.as_(pending).post(f"{room}/join/").ok(201)
    for outsider in (stranger, pending, rival):
        api.as_(outsider).post(f"{room}/messages/", {"client_id": "1", "body": "x"}).refused("not_found")
        api.as_(outsider).get(f"{room}/messages/").refused("not_found")
    api.get(f"{room}/messages/").refused("unauthorized")
    api.post(f"{room}/messages/", {"client_id": "1", "body": "x"}).refused("unauthorized")
    api.as_(student).post(f"{room}/messages/", {"client_id": "1", "body": "x"}).ok(201)


def test_the_log_is_paged_by_seq(api: Api, student: Signed, room: str) -> None:
    me = api.as_(student)
    for number in range(8):
        me.post(f"{room}/messages/", {"client_id": f"c{number}", "body": str(number)}).ok(201)

    def seqs(query: str) -> tuple[list[int], bool]:
        page = me.get(f"{room}/messages/{query}").ok()
        assert page["head"] == 10
        return [message["seq"] for message in page["items"]], page["has_more"]

    assert seqs("") == (list(range(1, 11)), False)
    assert seqs("?limit=3") == ([8, 9, 10], True)
    assert seqs("?before=8&limit=3") == ([5, 6, 7], True)
    assert seqs("?before=3&limit=3") == ([1, 2], False)
    assert seqs("?after=0&limit=3") == ([1, 2, 3], True)
    assert seqs("?after=7&limit=3") == ([8, 9, 10], False)
    assert seqs("?after=10") == ([], False)
    assert seqs("?after=9007199254740991") == ([], False)
    assert seqs("?before=0") == ([], False)


@pytest.mark.parametrize(
    "query",
    ["before=-1", "after=-1", "after=1.5", "after=x", "after=", "after=%20", "after=٣", "after=1_0", "after=+1",
     "after=0x1", "after=9223372036854775808", "after=9007199254740992", "before=5&after=1", "after=1&after=2",
     "limit=0", "limit=201", "limit=-1", "limit=x", "cursor=x", "page=2", "limit=1&limit=2", "after=null"],
)  # fmt: skip
def test_a_page_that_cannot_be_asked_for_is_invalid(api: Api, student: Signed, room: str, query: str) -> None:
    assert api.as_(student).get(f"{room}/messages/?{query}").refused("invalid_payload")["errors"]
    api.as_(student).get(f"{room}/messages/?after=1&limit=200").ok()
