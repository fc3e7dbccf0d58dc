"""A sign-in of a client: its pair is never lost, its device is known again, its faults have types."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from chatapp_client import CodeNeeded, Kept, NoAnswer, Refused, Session, SignedOut

from tests.clients.driver import HERE
from tests.clients.school import DEVICE, School, a_school, problem, run
from tests.support.lacking import program

PAGE = "<html>Welcome to the airport</html>"


def at_school(test: Callable[[School], Awaitable[None]]) -> Callable[[], None]:
    """The test runs in an event loop that has a school in it."""

    async def running() -> None:
        async with a_school() as school:
            await test(school)

    return lambda: run(running(), debug=True)


async def signed_in(school: School, kept: list[Kept] | None = None) -> Session:
    return await Session.sign_in(school.url, "ben", "secret", changed=(kept if kept is not None else []).append)


@at_school
async def test_who_stops_waiting_for_a_renewal_does_not_lose_its_pair(school: School) -> None:
    kept: list[Kept] = []
    session = await signed_in(school, kept)
    session.forget()
    school.slow.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.token(), 0.2)
    school.slow.set()
    assert await session.token() == "access-2"
    assert (school.refreshed, [each["refresh_token"] for each in kept]) == (1, ["refresh-1", "refresh-2"])
    await session.close()


@at_school
async def test_a_pair_that_is_on_its_way_is_kept_before_the_session_closes(school: School) -> None:
    kept: list[Kept] = []
    session = await signed_in(school, kept)
    session.forget()
    school.slow.clear()
    waiting = asyncio.ensure_future(session.token())
    await school.asked.wait()
    waiting.cancel()
    closing = asyncio.ensure_future(session.close())
    await asyncio.sleep(0)
    school.slow.set()
    await closing
    again = Session(school.url, kept[-1])
    assert await again.token() == "access-3"
    await again.close()


@at_school
async def test_what_is_kept_is_awaited_before_the_new_token_is_used(school: School) -> None:
    stored: list[str] = []

    async def store(kept: Kept) -> None:
        await asyncio.sleep(0.01)
        stored.append(kept["refresh_token"])

    session = await Session.sign_in(school.url, "ben", "secret", changed=store)
    assert stored == ["refresh-1"]
    session.forget()
    await session.token()
    assert stored == ["refresh-1", "refresh-2"]
    await session.close()


@at_school
async def test_a_token_that_is_not_taken_is_replaced_and_the_request_sent_again(school: School) -> None:
    session = await signed_in(school)
    school.good = "access-2"
    answers = await asyncio.gather(*(session.call("GET", "/thing/") for _ in range(3)))
    assert [each["token"] for each in answers] == ["access-2"] * 3
    assert school.refreshed == 1
    school.good = "none"
    with pytest.raises(Refused) as refused:
        await session.call("GET", "/thing/")
    assert refused.value.code == "unauthorized" and school.refreshed == 2
    await session.close()


@at_school
async def test_a_page_in_the_servers_place_is_no_answer(school: School) -> None:
    school.login = [web.Response(text=PAGE, content_type="text/html"), web.Response(text="{", content_type="x/json")]
    for _ in range(2):
        with pytest.raises(NoAnswer):
            await signed_in(school)
    school.login = [web.Response(text=PAGE, content_type="text/html", status=502)]
    with pytest.raises(Refused) as refused:
        await signed_in(school)
    assert refused.value.retryable


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal"])
def test_what_rest_refuses_for_now_is_retryable_as_over_sockets(code: str) -> None:
    assert Refused({"code": code}).retryable
    assert not Refused({"code": code, "retryable": False}).retryable
    assert not Refused({"code": "forbidden"}).retryable


@at_school
async def test_a_second_step_is_asked_for_by_its_name(school: School) -> None:
    school.login = [problem(401, "unauthorized", errors={"otp": ["Missing."]}), problem(401, "unauthorized")]
    with pytest.raises(CodeNeeded):
        await signed_in(school)
    with pytest.raises(SignedOut) as refused:
        await signed_in(school)
    assert not isinstance(refused.value, CodeNeeded)
    session = await Session.sign_in(school.url, "ben", "secret", otp="123456")
    assert school.logins[-1] == {"username": "ben", "password": "secret", "otp": "123456"}
    await session.close()


@at_school
async def test_a_short_wait_is_waited_and_a_long_one_is_told(school: School) -> None:
    school.login = [problem(429, "rate_limited", retry_after=0.01)]
    await (await signed_in(school)).close()
    school.login = [problem(429, "rate_limited", retry_after=3600)]
    with pytest.raises(Refused) as refused:
        await signed_in(school)
    assert (refused.value.code, refused.value.retry_after, len(school.logins)) == ("rate_limited", 3600, 3)


def test_the_device_is_known_from_one_sign_in_to_the_next_and_never_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    @at_school
    async def test(school: School) -> None:
        kept: list[Kept] = []
        session = await signed_in(school, kept)
        session.forget()
        await session.token()
        assert [each.get("device_token") for each in kept] == [DEVICE, DEVICE]
        await session.close()
        school.login = [problem(503, "unavailable"), web.json_response(school.tokens())]
        with pytest.raises(Refused) as refused:
            await Session.sign_in(school.url, "ben", "secret", kept=kept[-1])
        again = await Session.sign_in(school.url, "ben", "secret", kept=kept[-1])
        assert again.kept["device_token"] == DEVICE, "a server that gives none leaves the one that there is"
        assert [each.get("device_token") for each in school.logins] == [None, DEVICE, DEVICE]
        await again.close()
        said = [*capsys.readouterr(), str(refused.value), repr(again)]
        assert not any(DEVICE in each for each in said)

    test()
    assert caplog.records and not any(DEVICE in record.getMessage() for record in caplog.records)


@pytest.mark.service
def test_a_sign_in_of_the_javascript_package_keeps_the_same_promises() -> None:
    command = [program("node", package="nodejs"), "--test", str(HERE / "session.test.js")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
