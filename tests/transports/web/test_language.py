"""The pages speak the browser's language, completely, and the scripts speak it with them."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from chatapp.transports.web import assets, language, said_below
from config import ROOT
from tests.support.school import School, Signed
from tests.transports.web.conftest import Reader, Visitor

OTHERS = [name for name in language.LANGUAGES if name != "en"]


@pytest.fixture(scope="module")
def catalogues() -> ModuleType:
    """The command that keeps the catalogues."""
    spec = importlib.util.spec_from_file_location("texts", ROOT / "scripts" / "texts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", OTHERS)
def test_the_catalogues_have_every_text_and_are_what_the_command_writes(catalogues: ModuleType, name: str) -> None:
    fresh = catalogues.updated(name, catalogues.template())
    assert [message.id for message in fresh if message.id and not catalogues.is_complete(message.string)] == []
    folder = language.FOLDER / name / "LC_MESSAGES"
    assert (folder / "messages.po").read_bytes() == catalogues.texts_of(fresh), "run scripts/texts.py"
    assert (folder / "messages.mo").read_bytes() == catalogues.compiled(fresh), "run scripts/texts.py"


@pytest.mark.parametrize("name", OTHERS)
def test_a_translation_keeps_every_place_of_its_text(name: str) -> None:
    with (language.FOLDER / name / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file, locale=name):
            ids = [message.id] if isinstance(message.id, str) else list(message.id or ())
            strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
            for one in strings if message.id else []:
                assert places(one) == places(ids[-1]), message.id


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("de-AT,de;q=0.9", "de"), ("fr", "en"), ("fr,de;q=0.5", "de"), ("en,de;q=0.5", "en"), ("", "en")],
)
def test_the_browser_chooses_the_language(visitor: Visitor, wanted: str, spoken: str) -> None:
    answer = visitor.client.get("/", headers={"Accept-Language": wanted})
    assert f'<html lang="{spoken}" dir="ltr"' in answer.text
    assert ("Anmelden" in answer.text) == (spoken == "de")
    assert answer.headers["Content-Language"] == spoken
    assert "Accept-Language" in answer.headers["Vary"]


def test_a_refusal_of_the_rules_is_said_in_the_language_of_the_page(students: Visitor) -> None:
    german = {"Accept-Language": "de"}
    assert "Kein offener Raum hat diesen Code." in students.client.get("/join/?code=ZZZZZZ", headers=german).text
    refused = students.submit("/rooms/", headers=german, title="Mine")
    assert "Nur Lehrkräfte legen Räume an." in refused.text


def test_a_name_inside_a_sentence_stays_a_name(app: Flask, school: School, student: Signed) -> None:
    host = school.teacher(display_name="<b>%s {name} %(host)s")
    room = school.room(host)
    visitor = Visitor(app.test_client()).sign_in(student)
    for wanted in ("en", "de"):
        page = Reader(visitor.client.get(f"/rooms/{room['id']}/", headers={"Accept-Language": wanted}).text)
        assert "<b>%s {name} %(host)s" in page.text
        assert "b" not in [tag for tag, _ in page.elements]


def test_every_fixed_sentence_of_the_rules_is_in_the_catalogues() -> None:
    said = set()
    for folder in ("domain", "transports"):
        for path in (ROOT / "chatapp" / folder).rglob("*.py"):
            said |= set(
                re.findall(r'Refused\(\s*Code\.(?:FORBIDDEN|CONFLICT|LIMIT_REACHED), "([^"{]+)"', path.read_text())
            )
    assert len(said) > 8
    assert said - set(said_below.SENTENCES) - NOT_FOR_PAGES == set()


NOT_FOR_PAGES = {
    "This client_id stands for another message.",
    "The host has not let you in yet.",
    "This key stands for another upload.",
}


def test_the_scripts_are_given_their_texts_and_no_others(app: Flask) -> None:
    answer = app.test_client().get(f"/texts/{assets.current_version()}/de.json")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.json is not None
    assert answer.json["texts"]["Let in"] == "Einlassen"
    assert answer.json["texts"]["{count} person"] == ["{count} Person", "{count} Personen"]
    assert [answer.json["plural"][number] for number in (0, 1, 2, 101)] == [1, 0, 1, 1]
    assert "Create an account" not in answer.json["texts"]
    assert app.test_client().get(f"/texts/{assets.current_version()}/xx.json").status_code == 404


def places(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|%\(\w+\)s", text))
