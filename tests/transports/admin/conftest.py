"""The school's administrator at a browser, and everybody else who would like to be it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support.school import School, Signed
from tests.transports.web.conftest import Visitor


@pytest.fixture
def head(school: School) -> Signed:
    """The administrator."""
    return school.admin(username="head", display_name="Dr Head")


@pytest.fixture
def heads(app: Flask, head: Signed) -> Visitor:
    """The administrator's browser."""
    return Visitor(app.test_client()).sign_in(head)


@pytest.fixture
def teachers(app: Flask, teacher: Signed) -> Visitor:
    """The teacher's browser."""
    return Visitor(app.test_client()).sign_in(teacher)


@pytest.fixture
def students(app: Flask, student: Signed) -> Visitor:
    """The student's browser."""
    return Visitor(app.test_client()).sign_in(student)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A browser that is not signed in."""
    return Visitor(app.test_client())
