"""What a scraper is given, that dashboard and alerts ask for nothing else, and that Prometheus takes all three."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from chatapp import meters
from chatapp.contract import ids
from config import ROOT
from tests.scenarios.classroom import leaving, room_with
from tests.support.clients.plain import plain_member
from tests.support.clients.sio import sio_member
from tests.support.lacking import program
from tests.support.school import School
from tests.support.server import ServerProcess, StartServer, free_port
from tests.support.wait import eventually

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
RULES_TEST = ROOT / "tests" / "operate" / "alerts_test.yml"

FOREIGN = {"up"}
"""Prometheus' own."""


class Figures:
    """An exposition, read by Prometheus' own parser."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: list[Metric] = list(text_string_to_metric_families(text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def __getitem__(self, name: str) -> float:
        return self.of(name)

    def of(self, name: str, **labels: str) -> float:
        """The value of one series."""
        (value,) = [each.value for each in self.samples if each.name == name and each.labels == labels]
        return float(value)

    def labels(self, name: str) -> set[str]:
        """The labels of a metric's series."""
        return {label for each in self.samples if each.name == name for label in each.labels}

    def values(self, name: str, label: str) -> set[str]:
        """What a label of it has been."""
        return {each.labels[label] for each in self.samples if each.name == name and label in each.labels}


def figures(client: FlaskClient) -> Figures:
    return Figures(client.get("/metrics").get_data(as_text=True))


def test_what_was_said_refused_and_asked_for_is_counted(client: FlaskClient, school: School) -> None:
    before = figures(client)
    host, student = school.teacher(), school.student()
    room = school.room(host, student)
    path = f"/api/chat/{room['id']}/messages/"
    once = {"client_id": ids.new_id(), "body": "hello"}
    school.api.as_(student).post(path, once).ok(201)
    school.api.as_(student).post(path, once).ok(200)
    school.api.as_(student).post(path, once | {"body": "other"}).refused("conflict")
    after = figures(client)

    def rise(name: str, **labels: str) -> float:
        return after.of(name, **labels) - before.of(name, **labels)

    assert rise("chatapp_sends_total", outcome="stored") == 1
    assert rise("chatapp_sends_total", outcome="duplicate") == 1
    assert rise("chatapp_sends_total", outcome="refused") == 1
    assert rise("chatapp_refused_total", code="conflict") == 1
    assert rise("chatapp_refused_total", code="internal") == 0
    assert rise("chatapp_batch_size_count") == rise("chatapp_batch_size_sum") == 3
    assert rise("chatapp_ack_seconds_count") == rise("chatapp_commit_seconds_count") == 3
    assert rise("chatapp_http_requests_total", status="2xx") >= 5


def test_a_histogram_counts_each_value_in_its_place() -> None:
    seen = meters.Histogram("h", "", (1.0, 5.0))
    seen.observe(1.0)
    seen.observe(2.0, times=3)
    seen.observe(9.0)
    assert (seen.counts, seen.sum) == ([1, 3, 1], 16.0)


def test_a_batch_of_deliveries_costs_one_look_at_one_message() -> None:
    deliveries, places = meters.DELIVERIES.values[""], list(meters.DELIVERY_SECONDS.counts)
    payload = b'{"file":{"created_at":"2020-01-01T00:00:00.000Z"},"created_at":"2026-03-01T12:00:00.000Z"}'
    meters.delivered(payload, 300, 1772366400.2)
    assert meters.DELIVERIES.values[""] - deliveries == 300
    place = meters.DELIVERY_SECONDS.bounds.index(0.25)
    assert meters.DELIVERY_SECONDS.counts[place] - places[place] == 300
    meters.delivered(payload, 1, 1772366399.0)
    assert meters.DELIVERY_SECONDS.counts[0] - places[0] == 1, "a clock that is behind makes no negative time"
    meters.delivered(b'{"seq":1}', 1, 1772366399.0)
    assert meters.DELIVERIES.values[""] - deliveries == 302


def asked() -> dict[str, str]:
    """Every expression of the dashboard and of the alerts, by where it stands."""
    board = json.loads(DASHBOARD.read_text())
    found = {
        f"panel {panel['title']}, {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel["targets"]
    }
    rules = re.findall(r"- alert: (\w+)\n\s+expr: (.+)", ALERTS.read_text())
    assert len(rules) >= 10 and len(found) >= 20
    return found | dict(rules)


@pytest.mark.parametrize("place", asked())
def test_the_dashboard_and_the_alerts_ask_for_what_there_is(client: FlaskClient, place: str) -> None:
    there = figures(client)
    known = {sample.name for sample in there.samples} | FOREIGN
    known |= {counter.name + "_total" for counter in meters.COUNTERS}
    labelled = {counter.name + "_total": {counter.label} for counter in meters.COUNTERS if counter.label}
    expression = asked()[place]
    names = set(re.findall(r"\b(?:chatapp|process)_\w+|\bup\b", expression))
    assert names and names <= known
    allowed = {"instance", "job", "le"}.union(*(labelled.get(name, set()) for name in names))
    for grouped in re.findall(r"by \(([^)]+)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= allowed
    for name, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            assert label in allowed
            if label in labelled.get(name, set()):
                assert value in there.values(name, label), f"{name} has no {label} {value}"


def test_every_alert_says_who_should_hear_it_and_where() -> None:
    for alert in ALERTS.read_text().split("- alert: ")[1:]:
        assert re.search(r"labels: \{severity: (page|ticket)\}", alert), alert
        assert re.search(r"summary: .*\$labels.instance", alert), alert


# With real servers


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus' own checker."""
    return program("promtool", package="prometheus")


def check(promtool: str, *arguments: Any, given: str | None = None) -> str:
    done = subprocess.run(
        [promtool, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.service
def test_promtool_takes_the_rules_and_they_fire_for_what_they_are_named_after(promtool: str) -> None:
    assert "12 rules found" in check(promtool, "check", "rules", ALERTS)
    check(promtool, "check", "config", ALERTS.with_name("prometheus.yml"))
    assert "SUCCESS" in check(promtool, "test", "rules", RULES_TEST)


@pytest.mark.service
def test_promtool_takes_what_a_worker_in_use_says_of_itself(server: ServerProcess, promtool: str) -> None:
    host, student = server.teacher(), server.student()
    room_id = room_with(host, [student])

    def scraped() -> Figures:
        return Figures(requests.get(f"{server.url}/metrics", timeout=10).text)

    before = scraped()
    members = sio_member(host), plain_member(student)
    with leaving(members):
        for member in members:
            member.connect()
            member.enter(room_id)
        for n in range(5):
            acked = members[1].send(room_id, f"message {n}")
        for member in members:
            member.wait_seq(room_id, acked["message"]["seq"])
        eventually(lambda: scraped()["chatapp_loop_lag_seconds_count"] > 0)  # measured about once a second
        during = scraped()
    said = check(promtool, "check", "metrics", given=during.text)
    assert said.strip() == ""
    assert during["chatapp_connections"] == 2 and during["chatapp_rooms"] == 1
    assert during["chatapp_deliveries_total"] - before["chatapp_deliveries_total"] >= 10
    assert during["chatapp_delivery_seconds_count"] - before["chatapp_delivery_seconds_count"] >= 10
    assert during["chatapp_ack_seconds_count"] - before["chatapp_ack_seconds_count"] == 5
    assert during["chatapp_loop_lag_seconds_count"] > 0
    assert during.of("chatapp_commands_total", command="message_send") >= 5
    assert during["chatapp_ready"] == during["chatapp_serving"] == during["chatapp_queue_healthy"] == 1
    assert during["process_open_fds"] > 0


@pytest.mark.service
def test_a_scraper_from_elsewhere_has_a_port_of_its_own(start_server: StartServer) -> None:
    port = free_port()
    server = start_server(METRICS_PORT=str(port))
    told = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert told.status_code == 200 and Figures(told.text)["chatapp_ready"] == 1
    assert told.headers["Content-Type"].startswith("text/plain")
    assert requests.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "::1"}, timeout=10).status_code == 404
