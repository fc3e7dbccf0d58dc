"""Entering, sending and deciding on the wire: bad positions, bad ids, the same again, and both at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from chatapp.contract import things
from tests.scenarios.classroom import admit, room_with
from tests.support import ledger
from tests.support.rawsocket import RawWebSocket, sio_event
from tests.support.server import ServerProcess
from tests.wire.line import Line
from tests.wire.scene import ROOMY, Room

pytestmark = pytest.mark.service

SERVER_ENV = ROOMY


class TestEntering:
    def test_the_answer_is_the_contracts(self, room: Room) -> None:
        answer = room.line("inside").enter(room.id)
        assert answer.pop("ok") is True
        assert things.SnapshotSchema().validate(answer) == {}
        assert (answer["more"], answer["reset"]) == (False, False)
        assert answer["head"] == answer["messages"][-1]["seq"]

    @pytest.mark.parametrize("after", [-1, "3", "", 2**63, 2**53, 1.5, True, [], {}, "0x10"])
    def test_a_bad_position_is_refused(self, room: Room, after: Any) -> None:
        assert room.line("inside").code("room_enter", {"room_id": room.id, "after": after}) == "invalid_payload"
        assert room.line("inside").code("room_enter", {"room_id": room.id, "after": 1}) == "ok"

    @pytest.mark.parametrize("epoch", [5, {}, "e" * 65])
    def test_a_bad_epoch_is_refused(self, room: Room, epoch: Any) -> None:
        answer = room.line("inside").code("room_enter", {"room_id": room.id, "after": 1, "epoch": epoch})
        assert answer == "invalid_payload"

    def test_a_position_above_the_head_or_of_another_epoch_starts_anew(self, room: Room) -> None:
        line = room.line("inside")
        first = line.enter(room.id)
        for resume in ({"after": 999}, {"after": 1, "epoch": "another"}, {"after": 999, "epoch": first["epoch"]}):
            answer = line.enter(room.id, **resume)
            assert answer["reset"] is True and answer["messages"] == first["messages"]
        assert line.enter(room.id, after=first["head"], epoch=first["epoch"])["messages"] == []
        assert line.enter(room.id, after=1, epoch=first["epoch"])["messages"] == first["messages"][1:]
        assert line.enter(room.id, after=0)["messages"] == first["messages"]

    def test_who_is_outside_learns_nothing(self, room: Room) -> None:
        nowhere = room.line("stranger").ask("room_enter", {"room_id": "a" * 20})
        assert room.line("stranger").ask("room_enter", {"room_id": room.id}) == nowhere
        assert nowhere["error"]["code"] == "not_found"
        waiting = room.line("waiting").ask("room_enter", {"room_id": room.id})["error"]
        assert waiting["code"] == "forbidden" and waiting["data"] == {"my_role": "pending"}
        assert room.line("waiting").code("messages_after", {"room_id": room.id, "after": 0}) == "not_found"

    @pytest.mark.parametrize(
        "room_id",
        [
            "",
            "1",
            "-1",
            "1.5",
            "١٢٣",
            "../../etc/passwd",
            "room' OR 1=1 --",
            "a" * 20,
            "A" * 20,
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
            "9" * 200,
            "\u0000",
            "%00",
            "null",
        ],
    )
    def test_a_strange_id_is_not_found_on_every_command(self, room: Room, room_id: str) -> None:
        line = room.line("teacher")
        commands: dict[str, dict[str, Any]] = {
            "room_enter": {},
            "message_send": {"client_id": "c", "body": "b"},
            "messages_after": {"after": 0},
            "join_request_create": {},
            "join_request_approve": {"all": True},
            "participant_remove": {"user_id": room_id},
            "room_close": {},
            "typing": {"typing": True},
        }
        for name, data in commands.items():
            assert line.code(name, {"room_id": room_id, **data}) == "not_found", name

    @pytest.mark.parametrize("room_id", [1, -1, 2**63, 1.5, None, True, [], {}, "x" * 201])
    def test_an_id_that_is_no_id_is_refused(self, room: Room, room_id: Any) -> None:
        for name, data in {"room_enter": {}, "message_send": {"client_id": "c", "body": "b"}, "room_close": {}}.items():
            assert room.line("teacher").code(name, {"room_id": room_id, **data}) == "invalid_payload"

    def test_a_long_room_is_entered_in_pages_and_nothing_comes_before_the_last(self, room: Room) -> None:
        talker, reader = room.line("teacher"), room.line("inside")
        for number in range(450):
            send = {"room_id": room.id, "client_id": f"n{number}", "body": str(number)}
            talker.ws.send_packet(sio_event("/chat", "message_send", send, ack=1000 + number))
        talker.ws.until_ack(1449, 20)
        log = room.teacher.rest.room_log(room.id)
        newest = reader.enter(room.id)
        assert newest["more"] is False and newest["messages"] == log[-200:]

        received: list[dict[str, Any]] = []
        while True:
            talker.ask("message_send", {"room_id": room.id, "client_id": f"live{len(received)}", "body": "live"})
            answer = reader.enter(room.id, after=received[-1]["seq"] if received else 0, epoch=newest["epoch"])
            received += answer["messages"]
            assert len(answer["messages"]) <= 200
            if not answer["more"]:
                break
        talker.ask("message_send", {"room_id": room.id, "client_id": "last", "body": "last"})
        received.append(reader.ws.until("/chat", "message").data[1])
        ledger.assert_equal(received, room.teacher.rest.room_log(room.id))

    def test_a_page_is_bounded_in_bytes_and_a_plain_welcome_goes_on_by_itself(
        self, server: ServerProcess, room: Room
    ) -> None:
        body = "€" * 4000
        for number in range(40):
            assert (
                room.line("teacher").code("message_send", {"room_id": room.id, "client_id": f"n{number}", "body": body})
                == "ok"
            )
        answer = room.line("inside").enter(room.id, after=0)
        assert answer["more"] is True and 10 < len(answer["messages"]) < 40
        with RawWebSocket.open(server.address, f"/ws/chat/{room.id}/?token={room.inside.token}&after=0") as ws:
            welcomes = [ws.json()]
            while welcomes[-1]["data"]["more"]:
                welcomes.append(ws.json())
            room.line("teacher").ask("message_send", {"room_id": room.id, "client_id": "live", "body": "live"})
            live = ws.json()
        assert len(welcomes) > 1 and all(welcome["event"] == "welcome" for welcome in welcomes)
        received = [message for welcome in welcomes for message in welcome["data"]["messages"]]
        assert live["event"] == "message"
        ledger.assert_equal([*received, live["data"]], room.teacher.rest.room_log(room.id))

    def test_pages_by_before_and_after(self, room: Room) -> None:
        line = room.line("inside")
        log = room.teacher.rest.room_log(room.id)
        page = line.ask("messages_before", {"room_id": room.id, "before": 2, "limit": 200})
        assert page["messages"] == log[:1] and page["more"] is False
        page = line.ask("messages_after", {"room_id": room.id, "after": 0, "limit": 1})
        assert page["messages"] == log[:1] and page["more"] is True and page["head"] == len(log)
        assert line.ask("messages_after", {"room_id": room.id, "after": 999})["reset"] is True
        for bad in ({"after": 0, "before": 5}, {}, {"after": 0, "limit": 0}, {"after": 0, "limit": 201}):
            assert line.code("messages_after", {"room_id": room.id, **bad}) == "invalid_payload"

    def test_a_closed_room_is_read_by_its_participants_only(self, room: Room) -> None:
        room.teacher.rest.close(room.id).ok()
        answer = room.line("inside").enter(room.id)
        assert answer["room"]["status"] == "closed" and answer["messages"][-1]["code"] == "room_closed"
        send = {"room_id": room.id, "client_id": "late", "body": "late"}
        assert room.line("inside").code("message_send", send) == "room_closed"
        assert room.line("teacher").code("message_send", send) == "room_closed"
        for who in ("waiting", "stranger"):
            assert room.line(who).code("room_enter", {"room_id": room.id}) == "not_found"
            assert room.line(who).code("message_send", send) == "not_found"

    def test_leaving_stops_this_connection_only(self, server: ServerProcess, room: Room) -> None:
        with Line.open(server, room.inside) as other:
            line = room.line("inside")
            line.enter(room.id)
            other.enter(room.id)
            assert line.code("room_leave", {"room_id": room.id}) == "ok"
            room.line("teacher").ask("message_send", {"room_id": room.id, "client_id": "c", "body": "who hears?"})
            assert other.ws.until("/chat", "message").data[1]["body"] == "who hears?"
            with pytest.raises(TimeoutError):
                line.ws.until("/chat", "message", 1)
            assert line.enter(room.id)["messages"][-1]["body"] == "who hears?"


class TestTheSameAgain:
    def test_the_same_client_id_is_one_message(self, room: Room) -> None:
        line = room.line("inside")
        line.enter(room.id)
        send = {"room_id": room.id, "client_id": "once", "body": "hello"}
        first, again = line.ask("message_send", send), line.ask("message_send", send)
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert first["message"] == again["message"]
        other_body = line.ask("message_send", send | {"body": "hello!"})
        assert other_body["error"]["code"] == "conflict" and other_body["error"]["retryable"] is False
        by_another = room.line("teacher").ask("message_send", send)
        assert by_another["duplicate"] is False and by_another["message"]["seq"] == first["message"]["seq"] + 1
        bodies = [message["body"] for message in room.teacher.rest.room_log(room.id)]
        assert bodies.count("hello") == 2

    def test_a_duplicate_is_answered_after_the_room_closed(self, room: Room) -> None:
        send = {"room_id": room.id, "client_id": "once", "body": "hello"}
        first = room.line("inside").ask("message_send", send)
        room.teacher.rest.close(room.id).ok()
        again = room.line("inside").ask("message_send", send)
        assert again["duplicate"] is True and again["message"] == first["message"]

    @pytest.mark.parametrize("client_id", ["", "a" * 65, "👍", "a b", "a.b", "é", "١", 5, None, {}, [], True])
    def test_a_bad_client_id_is_refused(self, room: Room, client_id: Any) -> None:
        send = {"room_id": room.id, "client_id": client_id, "body": "hello"}
        assert room.line("inside").code("message_send", send) == "invalid_payload"
        for good in ("a" * 64, "A-Z_0-9"):
            assert room.line("inside").code("message_send", send | {"client_id": good}) == "ok"

    def test_the_same_send_on_every_way_at_once_is_one_message(self, server: ServerProcess, room: Room) -> None:
        send = {"room_id": room.id, "client_id": "race", "body": "me first"}
        ready = threading.Barrier(4)

        def by_socketio(line: Line) -> tuple[int, bool]:
            ready.wait(10)
            ack = line.ask("message_send", send)
            return ack["message"]["seq"], ack["duplicate"]

        def by_plain() -> tuple[int, bool]:
            with RawWebSocket.open(server.address, f"/ws/chat/{room.id}/?token={room.inside.token}") as ws:
                ws.json()
                ready.wait(10)
                ws.send_json({"ref": 1, "command": "message_send", "data": send})
                while (said := ws.json()).get("ref") != 1:
                    pass
                return said["message"]["seq"], said["duplicate"]

        def by_rest() -> tuple[int, bool]:
            ready.wait(10)
            answer = room.inside.rest.send(room.id, "race", "me first")
            return answer.ok(200, 201)["seq"], answer.status == 200

        with Line.open(server, room.inside) as second, ThreadPoolExecutor(4) as pool:
            tries = [
                pool.submit(by_socketio, room.line("inside")),
                pool.submit(by_socketio, second),
                pool.submit(by_plain),
                pool.submit(by_rest),
            ]
            outcomes = [each.result(20) for each in tries]
        assert len({seq for seq, _ in outcomes}) == 1
        assert sorted(duplicate for _, duplicate in outcomes) == [False, True, True, True]

    def test_a_burst_beyond_the_limit_is_told_so_and_the_accepted_ones_are_in_order(self, start_server: Any) -> None:
        strict = start_server(LIMIT_SENDS="1/hour", LIMIT_SENDS_BURST="10")
        teacher = strict.teacher()
        room_id = room_with(teacher, [])
        with Line.open(strict, teacher) as line:
            for number in range(15):
                send = {"room_id": room_id, "client_id": f"n{number}", "body": str(number)}
                line.ws.send_packet(sio_event("/chat", "message_send", send, ack=number))
            acks = _acks(line, 15)
            accepted = [number for number in range(15) if acks[number]["ok"]]
            assert accepted == list(range(10))
            for number in range(10, 15):
                error = acks[number]["error"]
                assert error["code"] == "rate_limited" and error["retryable"] is True and error["retry_after"] > 0
        bodies = [message["body"] for message in teacher.rest.room_log(room_id) if message["type"] == "text"]
        assert bodies == [str(number) for number in range(10)]

    def test_approving_twice_lets_in_once(self, room: Room) -> None:
        line = room.line("teacher")
        request = room.waiting.rest.my_request(room.id).ok()["id"]
        data = {"room_id": room.id, "request_id": request}
        for _ in range(2):
            (row,) = line.ask("join_request_approve", data)["results"]
            assert row["outcome"] == "approved" and row["user_id"] == room.waiting.id
        codes = [message["code"] for message in room.teacher.rest.room_log(room.id)]
        assert codes.count("participant_joined") == 2, "the one inside, and the one who waited"
        refused = line.ask("join_request_deny", data)["error"]
        assert refused["code"] == "not_pending" and refused["decided_by"] == room.teacher.user

    def test_two_knocks_at_once_are_one_pending_request(self, server: ServerProcess, room: Room) -> None:
        ready = threading.Barrier(4)

        def knock(line: Line) -> str:
            ready.wait(10)
            return str(line.ask("join_request_create", {"room_id": room.id})["join_request"]["id"])

        with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
            lines = [stack.enter_context(Line.open(server, room.stranger)) for _ in range(4)]
            assert len(set(pool.map(knock, lines))) == 1
        waiting = room.teacher.rest.requests(room.id, status="pending")
        assert [request["user"]["id"] for request in waiting].count(room.stranger.id) == 1

    def test_two_decisions_at_once_have_one_winner(self, server: ServerProcess, room: Room) -> None:
        request = room.waiting.rest.my_request(room.id).ok()["id"]
        ready = threading.Barrier(2)

        def decide(line: Line, name: str) -> str:
            ready.wait(10)
            return line.code(name, {"room_id": room.id, "request_id": request})

        with Line.open(server, room.teacher) as second, ThreadPoolExecutor(2) as pool:
            approve = pool.submit(decide, room.line("teacher"), "join_request_approve")
            deny = pool.submit(decide, second, "join_request_deny")
            assert sorted([approve.result(20), deny.result(20)]) == ["not_pending", "ok"]
        decided = room.waiting.rest.my_request(room.id).ok()["status"]
        assert decided == ("approved" if approve.result() == "ok" else "denied")

    def test_a_denied_student_may_ask_again_a_banned_one_not(self, room: Room) -> None:
        line, waiting = room.line("teacher"), room.line("waiting")
        line.ask("join_request_deny", {"room_id": room.id, "user_id": room.waiting.id, "reason": "Not yet"})
        assert waiting.ask("join_request_create", {"room_id": room.id})["join_request"]["status"] == "pending"
        admit(room.teacher, room.id, [room.waiting])
        line.ask("participant_remove", {"room_id": room.id, "user_id": room.waiting.id, "ban": True})
        assert waiting.code("join_request_create", {"room_id": room.id}) == "forbidden"
        room.teacher.rest.post(f"/api/chat/{room.id}/unban/", {"user_id": room.waiting.id}).ok()
        assert waiting.code("join_request_create", {"room_id": room.id}) == "ok"


def _acks(line: Line, count: int) -> dict[int, dict[str, Any]]:
    """That many acks, whatever their order."""
    acks: dict[int, dict[str, Any]] = {}
    while len(acks) < count:
        packet = line.ws.sio()
        if packet.type == 3 and packet.ack is not None:
            acks[packet.ack] = packet.data[0]
    return acks
