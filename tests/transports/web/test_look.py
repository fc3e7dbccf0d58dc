"""Light or dark, as somebody chose on a device."""

from __future__ import annotations

from tests.transports.web.conftest import Visitor

DARK_SHEET = "vendor/primer-dark.css"


def test_pages_follow_the_device_until_somebody_chooses(visitor: Visitor) -> None:
    page = visitor.see("/").html
    assert '<meta name="color-scheme" content="light dark">' in page
    assert f'{DARK_SHEET}" media="(prefers-color-scheme: dark)"' in page


def test_a_choice_holds_for_every_page_of_the_device_also_after_signing_out(students: Visitor) -> None:
    answer = students.submit("/me/look/", on="/me/", look="dark")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/?done=look")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age=31536000" in cookie
    page = students.see("/me/").html
    assert '<meta name="color-scheme" content="dark">' in page and DARK_SHEET in page
    assert "prefers-color-scheme" not in page and 'value="dark" checked' in page
    students.submit("/sign-out/")
    assert '<meta name="color-scheme" content="dark">' in students.see("/").html


def test_light_is_light_and_back_is_as_the_device(students: Visitor) -> None:
    students.submit("/me/look/", on="/me/", look="light")
    page = students.see("/").html
    assert '<meta name="color-scheme" content="light">' in page and DARK_SHEET not in page
    for none in ("system", "purple", ""):
        students.submit("/me/look/", on="/me/", look="dark")
        students.submit("/me/look/", on="/me/", look=none)
        assert '<meta name="color-scheme" content="light dark">' in students.see("/").html


def test_a_cookie_that_somebody_wrote_is_no_choice(visitor: Visitor) -> None:
    visitor.client.set_cookie("chatapp-look", '"><script>')
    assert '<meta name="color-scheme" content="light dark">' in visitor.see("/").html


def test_only_who_is_signed_in_chooses(visitor: Visitor) -> None:
    answer = visitor.submit("/me/look/", look="dark")
    assert answer.status_code == 303 and "chatapp-look" not in answer.headers.get("Set-Cookie", "")
