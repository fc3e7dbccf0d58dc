"""What holds for every endpoint: strict bodies and queries, both spellings of a path, methods, headers and errors."""

import io
import json
import re
from typing import Any

import pytest
import sqlalchemy.exc
import structlog
from flask import Flask, url_for
from werkzeug.routing import Rule

from chatapp.domain import rooms
from chatapp.transports.rest import BLUEPRINTS
from tests.support.school import Answer, Api, School, Signed

CREATE = "/api/chat/create/"


def send(api: Api, raw: bytes | str, content_type: str | None = "application/json", **headers: str) -> Any:
    return api.post(CREATE, data=raw, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    "raw",
    [
        '{"title": "a", "title": "b"}',
        '{"title": "a", "x": {"y": 1, "y": 2}}',
        '{"title": NaN}',
        '{"title": Infinity}',
        '{"title": "a", "host_grace_seconds": 1e400}',
        '{"title": "a", "host_grace_seconds": ' + "9" * 5000 + "}",
        '{"title": "\\ud800"}',
        '{"title": "a"',
        '{"title": "a"} {}',
        "{'title': 'a'}",
        '{"title": "a",}',
        "[]",
        '["title"]',
        '"title"',
        "1",
        "null",
        "[" * 10_000 + "]" * 10_000,
        '{"title": ' * 5000,
        json.dumps({f"k{number}": 1 for number in range(5000)}),
        b'{"title": "\xff\xfe"}',
        b'\xef\xbb\xbf{"title": "a"}',
        '{"title": "a"}'.encode("utf-16"),
        b"\0",
    ],
)
def test_a_body_that_two_parsers_could_read_differently_is_invalid(api: Api, teacher: Signed, raw: bytes | str) -> None:
    send(api.as_(teacher), raw).refused("invalid_payload")
    send(api.as_(teacher), '{"title": "a"}').ok(201)


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_a_body_of_another_type_is_unsupported(api: Api, teacher: Signed, content_type: str | None) -> None:
    send(api.as_(teacher), '{"title": "a"}', content_type).refused("unsupported_media_type")
    send(api.as_(teacher), '{"title": "a"}', "application/json; charset=utf-8").ok(201)


def test_no_body_counts_as_an_empty_object(api: Api, school: School, teacher: Signed, student: Signed) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}"
    api.as_(student).post(f"{path}/join/").ok(201)
    api.as_(teacher).post(f"{path}/close/", {}).ok()
    assert api.as_(teacher).post(CREATE).refused("invalid_payload")["errors"] == {
        "title": ["Missing data for required field."]
    }


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_an_encoded_body_is_unsupported(api: Api, teacher: Signed, encoding: str) -> None:
    send(api.as_(teacher), '{"title": "a"}', **{"Content-Encoding": encoding}).refused("unsupported_media_type")
    send(api.as_(teacher), '{"title": "a"}', **{"Content-Encoding": "identity"}).ok(201)


def test_a_body_over_64_kib_is_too_large(api: Api, teacher: Signed) -> None:
    def padded(size: int) -> bytes:
        return b'{"title": "a"}'.ljust(size)

    send(api.as_(teacher), padded(65_537)).refused("too_large")
    send(api.as_(teacher), padded(10_000_000)).refused("too_large")
    send(api.as_(teacher), padded(65_536)).ok(201)


def test_a_chunked_body_is_read_whole_or_refused_but_never_taken_for_empty(api: Api, teacher: Signed) -> None:
    def chunked(raw: bytes, *, terminated: bool) -> Answer:
        return api.as_(teacher).post(
            CREATE,
            input_stream=io.BytesIO(raw),
            content_type="application/json",
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": terminated},
        )

    assert chunked(b'{"title": "a"}', terminated=False).refused("invalid_payload")["errors"].keys() == {"body"}
    chunked(b" " * 65_537, terminated=True).refused("too_large")
    assert chunked(b'{"title": "a"}', terminated=True).ok(201)["title"] == "a"


def test_an_act_without_input_takes_none(api: Api, school: School, teacher: Signed) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}/close/"
    api.as_(teacher).post(path, {"force": True}).refused("invalid_payload")
    api.as_(teacher).post(f"{path}?force=true").refused("invalid_payload")
    api.as_(teacher).post(path).ok()


@pytest.mark.parametrize(
    "path",
    ["/api/chat/?x=1", "/api/chat/?limit=101", "/api/chat/?cursor=x", "/api/chat/?cursor=", "/api/chat/?mine=1",
     "/api/chat/?status=gone", "/api/chat/?%00=1", "/api/users/me/?x=1", "/api/notifications/?limit=0", "/healthz?x=1"],
)  # fmt: skip
def test_an_unknown_or_bad_query_parameter_is_invalid(api: Api, teacher: Signed, path: str) -> None:
    api.as_(teacher).get(path).refused("invalid_payload")
    api.as_(teacher).get(path.partition("?")[0]).ok()


def test_who_is_not_signed_in_learns_nothing_of_their_input(api: Api) -> None:
    api.get("/api/chat/?x=1").refused("unauthorized")
    send(api, "{").refused("unauthorized")
    send(api, "x" * 100_000, "text/plain").refused("unauthorized")


def rules(app: Flask) -> list[tuple[str, str]]:
    """Each documented method and path of the API."""
    names = {blueprint.name for blueprint in BLUEPRINTS}
    return sorted(
        (method, filled(rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in names and rule.rule.startswith("/api/") and rule.rule.endswith("/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def methods(app: Flask) -> dict[str, set[str]]:
    """The methods of each path where programs ask, in the spelling of whoever wrote it down."""
    allowed: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/session/", "/healthz", "/readyz", "/metrics")):
            allowed.setdefault(filled(rule), set()).update(rule.methods or set())
    return allowed


def filled(rule: Rule) -> str:
    """Its path, with something in each gap."""
    return re.sub(r"<id:\w+>", "a" * 20, rule.rule).replace("<join_code>", "ABCDEF")


def test_every_path_answers_the_same_without_its_slash(app: Flask, api: Api, teacher: Signed) -> None:
    with_slash = {path: allowed for path, allowed in methods(app).items() if path.endswith("/")}
    assert {"/api/docs/", "/session/token/", "/healthz/", "/api/openapi.json/"} < with_slash.keys()
    assert len(rules(app)) > 25 and {path for _, path in rules(app)} < with_slash.keys()
    for method, path in sorted((method, path) for path, allowed in with_slash.items() for method in allowed - {"HEAD"}):
        for person in (None, teacher):
            if path == "/api/auth/logout/" and person is not None:
                continue
            slash, bare = (api.as_(person).call(method, spelled) for spelled in (path, path.rstrip("/")))
            assert (slash.status, type(slash.body)) == (bare.status, type(bare.body)), (method, path)
            assert slash.status < 300 or slash.status >= 400
            if slash.status >= 400:
                assert slash.body["code"] == bare.body["code"]


def test_every_path_says_which_methods_it_has(app: Flask, api: Api, teacher: Signed) -> None:
    spelled = methods(app)
    assert {path.rstrip("/") for path in spelled} == {path.removesuffix("/") for path in spelled if path.endswith("/")}
    for path, allowed in spelled.items():
        for person in (None, teacher):
            refused = api.as_(person).call("PUT", path)
            assert refused.refused("method_not_allowed")["status"] == 405, path
            assert set(refused.headers["Allow"].split(", ")) == allowed, path


def test_links_keep_their_slash(app: Flask) -> None:
    with app.test_request_context():
        assert url_for("pages.rooms.show", room_id="a") == "/rooms/a/"
        assert url_for("documents.browse") == "/api/docs/"


def test_the_pages_token_is_for_no_other_website(api: Api, app: Flask) -> None:
    """Its errors are problems like the API's, but the origins that may read the API may not read it."""
    origin = app.extensions["chatapp"].settings.cors_origins[0]
    for path in ("/session/token/", "/session/token", "/session/x", "/session"):
        for method in ("GET", "POST"):
            answer = api.call(method, path, headers={"Origin": origin})
            assert answer.body["code"] in ("method_not_allowed", "forbidden", "not_found")
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert api.get("/api", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == origin


def test_every_path_but_the_public_ones_wants_a_token(app: Flask, api: Api) -> None:
    open_to_all = {"/api/auth/register/", "/api/auth/login/", "/api/auth/refresh/"}
    for method, path in rules(app):
        answer = api.call(method, path)
        if path in open_to_all:
            assert answer.body["code"] in ("invalid_payload", "unauthorized")
        else:
            answer.refused("unauthorized")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "PROPFIND", "CONNECT"])
@pytest.mark.parametrize("path", ["/api/chat/create/", "/api/chat/create", "/api/auth/login/", "/session/token"])
def test_another_method_is_refused_and_told_which_are_allowed(
    api: Api, teacher: Signed, method: str, path: str
) -> None:
    refused = api.as_(teacher).call(method, path)
    assert refused.refused("method_not_allowed")["status"] == 405
    assert set(refused.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_method_cannot_be_overridden(api: Api, school: School, teacher: Signed, student: Signed) -> None:
    path = f"/api/chat/{school.room(teacher)['id']}/join/"
    api.as_(student).post(path).ok(201)
    override = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"}
    assert api.as_(student).post(path, headers=override).ok()["status"] == "pending"
    api.as_(student).post(f"{path}?_method=DELETE").refused("invalid_payload")
    api.as_(student).post(path, {"_method": "DELETE"}).refused("invalid_payload")
    assert api.as_(student).get(path).ok()["status"] == "pending"
    refused = api.as_(teacher).get("/api/chat/create/?_method=POST")
    refused.refused("method_not_allowed")


@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/nope", "/api/chat/x/y/z", "/api/.env", "/api/.git/config", "/api//chat/", "/api/chat//",
     "/api/chat/../..", "/api/auth/login/x", "/api/" + "x" * 7000],
)  # fmt: skip
def test_an_unknown_path_is_a_problem_too(api: Api, teacher: Signed, path: str) -> None:
    for person in (None, teacher):
        api.as_(person).get(path).refused("not_found")


@pytest.mark.parametrize(
    "path",
    ["/.env", "/.git/config", "/.git/HEAD", "/instance/chatapp.db", "/chatapp.db", "/config.py", "/static/../config.py",
     "/static/%2e%2e/config.py", "/static/..%2fconfig.py", "/static//etc/passwd", "/uploads/", "/debug", "/console",
     "/?__debugger__=yes&cmd=resource&f=style.css"],
)  # fmt: skip
def test_no_file_of_the_house_is_served(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == 404 or path.startswith("/?")
    assert b"SECRET" not in answer.data and b"debugger" not in answer.data.lower()


def test_every_answer_carries_an_id_and_keeps_browsers_careful(api: Api, teacher: Signed) -> None:
    answers = [api.get("/healthz"), api.get("/api/nope"), api.get("/api/chat/"), api.as_(teacher).get("/api/chat/")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
    mine = api.get("/healthz", headers={"X-Request-Id": "chosen-by-the-client"})
    assert mine.headers["X-Request-Id"] != "chosen-by-the-client"
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Set-Cookie" not in answer.headers and "Strict-Transport-Security" not in answer.headers


@pytest.mark.settings(PUBLIC_URL="https://chat.school.example")
def test_over_https_browsers_are_told_to_stay_there(api: Api) -> None:
    assert api.get("/healthz").headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.settings(CORS_ORIGINS="https://one.example,https://two.example")
def test_listed_origins_may_read_and_others_may_not(api: Api, teacher: Signed) -> None:
    me = api.as_(teacher)
    preflight = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    for origin in ("https://one.example", "https://two.example"):
        answer = me.get("/api/chat/", headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        asked = api.call("OPTIONS", "/api/users/me/", headers=preflight | {"Origin": origin})
        assert asked.status == 200 and asked.headers["Access-Control-Allow-Origin"] == origin
        assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
        allowed = set(asked.headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Range"}
    for origin in ("https://evil.example", "null", "https://one.example.evil.example", "http://one.example", ""):
        answer = me.get("/api/chat/", headers={"Origin": origin})
        assert answer.status == 200 and "Access-Control-Allow-Origin" not in answer.headers
        asked = api.call("OPTIONS", "/api/users/me/", headers=preflight | {"Origin": origin})
        assert "Access-Control-Allow-Origin" not in asked.headers
    assert "Access-Control-Allow-Origin" not in me.get("/api/chat/").headers


def test_a_bug_tells_the_client_its_id_and_the_log_its_story(
    api: Api, teacher: Signed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise KeyError("a secret of the house")

    monkeypatch.setattr(rooms, "create", broken)
    problem = send(api.as_(teacher), '{"title": "a private title"}').refused("internal")
    assert "secret" not in json.dumps(problem) and "Traceback" not in json.dumps(problem)
    assert problem["request_id"] in caplog.text and "a secret of the house" in caplog.text
    assert "a private title" not in caplog.text
    monkeypatch.undo()
    send(api.as_(teacher), '{"title": "a"}').ok(201)


def test_a_database_that_does_not_answer_is_unavailable(
    api: Api, teacher: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    monkeypatch.setattr(rooms, "list_cards", lost)
    answer = api.as_(teacher).get("/api/chat/")
    answer.refused("unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_health_says_whether_the_process_lives_and_readiness_whether_it_should_work(
    api: Api, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_now(state: str, *reasons: str) -> None:
        monkeypatch.setattr(app.extensions["chatapp"], "readiness", lambda: (state, list(reasons)))

    assert api.get("/healthz").ok() == {"status": "ok"}
    assert api.get("/readyz").ok() == {"status": "ready", "reasons": []}
    is_now("degraded", "redis")
    assert api.get("/readyz").ok() == {"status": "degraded", "reasons": ["redis"]}
    is_now("not_ready", "draining")
    assert api.get("/readyz").ok(503) == {"status": "not_ready", "reasons": ["draining"]}
    assert api.get("/healthz/").ok() == {"status": "ok"}


def test_the_document_names_every_endpoint_and_no_field_that_answers_lack(api: Api) -> None:
    document = api.get("/api/openapi.json").ok()
    assert document["openapi"].startswith("3.1")
    operations = [(path, verb) for path, verbs in document["paths"].items() for verb in verbs if verb != "parameters"]
    assert ("/api/chat/{room_id}/messages/", "post") in operations and len(operations) > 30
    public = {path for path, verbs in document["paths"].items() for verb in verbs.values() if verb == {} or (
        isinstance(verb, dict) and verb.get("security") == []
    )}  # fmt: skip
    documents = {"/metrics", "/session/token/", "/api/openapi.json", "/api/asyncapi.json", "/api/docs/"}
    signing_in = {"/api/auth/register/", "/api/auth/login/", "/api/auth/refresh/"}
    assert public == signing_in | documents | {"/healthz", "/readyz"}
    assert "application/problem+json" in document["components"]["responses"]["unauthorized"]["content"]
    send_message = document["paths"]["/api/chat/{room_id}/messages/"]["post"]
    refused = {"400", "401", "403", "404", "409", "413", "415", "429", "500", "503"}
    assert {"201", "200"} | refused == set(send_message["responses"])


def test_what_is_logged_after_a_request_does_not_carry_its_id(api: Api) -> None:
    api.get("/healthz").ok()
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.settings(LIMIT_REQUESTS="1/minute", LIMIT_REQUESTS_BURST="3")
def test_who_asks_without_end_is_told_when_to_come_back(api: Api, teacher: Signed, student: Signed) -> None:
    for _ in range(3):
        api.as_(student).get("/api/users/me/").ok()
    refused = api.as_(student).post("/api/auth/ticket/")
    assert 50 < refused.refused("rate_limited")["retry_after"] <= 60
    assert 50 < int(refused.headers["Retry-After"]) <= 60
    api.as_(teacher).get("/api/users/me/").ok()
