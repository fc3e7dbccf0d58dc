"""Versions below which a vulnerability, or a fault that breaks a promise, is known."""

from importlib.metadata import version

import pytest

FLOORS = {
    "python-engineio": "4.15.1",
    "python-socketio": "5.18.1",
    "eventlet": "0.41.1",
    "Flask": "3.1.3",
    "Werkzeug": "3.1.6",
    "PyJWT": "2.13",
    "redis": "8.1",  # 8.0.0 drops its listener every five idle seconds
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_a_package_is_not_older_than_its_floor(package: str, floor: str) -> None:
    assert numbers(version(package)) >= numbers(floor)
