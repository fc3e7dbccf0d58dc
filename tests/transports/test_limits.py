"""What counts as one address, and that budgets come back with time."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from chatapp.contract.errors import Refused
from chatapp.db import now
from chatapp.transports.limits import Attempts, neighbourhood
from config import Settings


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_an_ipv6_subscriber_counts_as_one_address(address: str, counts_as: str) -> None:
    assert neighbourhood(address) == counts_as


@pytest.mark.settings(LIMIT_LOGIN="2/minute")
def test_a_budget_comes_back_with_time(app: Flask, settings: Settings) -> None:
    attempts = Attempts(app, settings)
    moment = now()

    def login(username: str, address: str) -> None:
        with attempts.guessing(username, address):
            pass

    with time_machine.travel(moment, tick=False) as clock:
        login("ada", "192.0.2.7")
        clock.shift(timedelta(seconds=30))
        login("ADA", "192.0.2.7")
        with pytest.raises(Refused) as caught:
            login("ada", "192.0.2.7")
        assert caught.value.retry_after is not None and 29 <= caught.value.retry_after <= 31
        login("ada", "192.0.2.8")
        login("ben", "192.0.2.7")
        clock.shift(timedelta(seconds=31))
        login("ada", "192.0.2.7")
        with pytest.raises(Refused):
            login("ada", "192.0.2.7")
