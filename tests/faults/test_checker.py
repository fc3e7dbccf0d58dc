"""The checker on handmade histories: each invariant accepts a good one and names what is wrong in its twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.history import History, Operation, RoomState

ROOM = "r1"
Tell = Callable[["Story"], None]


class Story:
    """A class with a host, Anna and Ben, told second by second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.history = History(clock=lambda: self.now)
        self.log: list[dict[str, Any]] = []
        self.status = "open"
        self.participants = ["host", "anna", "ben"]
        self.cursors: dict[str, int] = {}
        for name, role in (
            ("host", "host"),
            ("anna", "member"),
            ("ben", "member"),
            ("eve", "waiting"),
            ("nobody", "stranger"),
        ):
            self.history.client(name, None if name == "nobody" else name, role)
        self.history.note("w0", "up")
        for name in ("host", "anna", "ben"):
            self.history.note(name, "listens", stay=1)
            self.history.note(name, "entered", stay=1, room=ROOM, worker="w0")
        self.system("room_created")
        for user in ("anna", "ben"):
            self.system("participant_joined", user={"id": user})

    def at(self, seconds: float) -> Story:
        self.now = seconds
        return self

    def system(self, code: str, **params: Any) -> int:
        return self.stand(None, None, "system", code=code, params=params)

    def stand(self, sender: str | None, body: str | None, client_id: str, **more: Any) -> int:
        """A message is in the log."""
        self.log.append(
            {
                "room_id": ROOM,
                "seq": len(self.log) + 1,
                "type": "system" if sender is None else "text",
                "sender": None if sender is None else {"id": sender},
                "client_id": client_id,
                "body": body,
                "code": None,
                "params": {},
                **more,
            }
        )
        return len(self.log)

    def invoke(self, client: str, client_id: str, body: str = "hello") -> Operation:
        return self.history.invoke(client, "w0", "send", room=ROOM, client_id=client_id, body=body)

    def send(self, client: str, client_id: str, body: str = "hello") -> int:
        """A send that is stored, acked and seen by all."""
        sending = self.invoke(client, client_id, body)
        seq = self.stand(client, body, client_id)
        self.history.end(sending, "ok", seq=seq)
        self.everybody_sees()
        return seq

    def everybody_sees(self, but: str = "") -> None:
        for name in self.participants:
            if name != but:
                self.sees(name, len(self.log))

    def sees(self, client: str, up_to: int, *, live: bool = True) -> None:
        """A client applies what follows its cursor."""
        for message in self.log[self.cursors.get(client, 0) : up_to]:
            fresh = message["seq"] == 1
            self.history.see(client, 1, message, live=live and not fresh, fresh=fresh)
            self.cursors[client] = message["seq"]

    def remove(self, user: str) -> int:
        removing = self.history.invoke("host", "w0", "remove", room=ROOM, user=user)
        seq = self.system("participant_removed", user={"id": user})
        self.history.end(removing, "ok", seq=seq)
        self.participants.remove(user)
        return seq

    def read_back(self) -> dict[str, RoomState]:
        for name in self.participants:
            self.history.note(name, "final", room=ROOM, cursor=self.cursors.get(name, 0), state="in")
        self.history.note("run", "end")
        return {ROOM: RoomState(self.log, self.participants, self.status, len(self.log), "host", grace=10.0)}


def an_acked_send(story: Story) -> None:
    story.at(1).send("anna", "a1")


def an_acked_send_lost(story: Story) -> None:
    an_acked_send(story)
    story.history.end(story.invoke("anna", "a2"), "ok", seq=5)


def an_unanswered_send_that_stands(story: Story) -> None:
    story.history.end(story.invoke("anna", "a1"), "unknown", why="cut")
    story.stand("anna", "hello", "a1")
    story.everybody_sees()


def a_retried_send_that_stands_twice(story: Story) -> None:
    an_unanswered_send_that_stands(story)
    story.send("anna", "a1")


def a_refused_send(story: Story) -> None:
    an_acked_send(story)
    story.history.end(story.invoke("ben", "b1"), "fail", code="room_closed")


def a_refused_send_that_stands(story: Story) -> None:
    a_refused_send(story)
    story.stand("ben", "hello", "b1")
    story.everybody_sees()


def a_ghost(story: Story) -> None:
    an_acked_send(story)
    story.history.see("ben", 1, {**story.log[-1], "seq": 5}, live=True)


def a_hole(story: Story) -> None:
    an_acked_send(story)
    story.stand("ben", "hello", "b1", seq=6)


def two_in_order(story: Story) -> None:
    story.at(1).send("anna", "a1")
    story.at(2).send("anna", "a2")


def two_turned_round(story: Story) -> None:
    first = story.at(1).invoke("anna", "a1")
    story.at(2).send("anna", "a2")
    story.history.end(first, "unknown", why="cut")
    story.stand("anna", "hello", "a1")
    story.everybody_sees()


def one_sees_nothing(story: Story) -> None:
    story.at(1).stand("anna", "hello", "a1")
    story.history.end(story.invoke("anna", "a1"), "ok", seq=4)
    story.everybody_sees(but="ben")


def one_sees_it_twice(story: Story) -> None:
    an_acked_send(story)
    story.history.see("ben", 1, story.log[-1], live=True)


def one_gets_garbage(story: Story) -> None:
    an_acked_send(story)
    story.history.note("ben", "garbled", stay=1, fault="a frame with opcode 7")


def one_sees_another(story: Story) -> None:
    sending = story.at(1).invoke("anna", "a1")
    story.history.end(sending, "ok", seq=story.stand("anna", "hello", "a1"))
    story.everybody_sees(but="ben")
    story.sees("ben", 3)
    story.history.see("ben", 1, {**story.log[-1], "body": "something else"}, live=True)
    story.cursors["ben"] = 4


def a_later_send_below(story: Story) -> None:
    early, late = story.at(1).invoke("anna", "a1"), None
    story.stand("ben", "hello", "b1")
    story.stand("anna", "hello", "a1")
    story.at(2).history.end(early, "ok", seq=5)
    late = story.at(3).invoke("ben", "b1")
    story.at(4).history.end(late, "ok", seq=4)
    story.everybody_sees()


def a_removal(story: Story) -> None:
    an_acked_send(story)
    story.at(2).remove("ben")
    story.everybody_sees()


def the_removed_one_speaks(story: Story) -> None:
    a_removal(story)
    story.at(9).send("ben", "b1")


def the_removed_one_hears(story: Story) -> None:
    a_removal(story)
    story.sees("ben", 5)
    story.at(4).send("anna", "a2")
    story.sees("ben", 6)


def the_host_goes(story: Story) -> None:
    an_acked_send(story)
    story.at(5).history.note("host", "cut", stay=1, worker="w0")


def closed_after_the_grace(story: Story) -> None:
    the_host_goes(story)
    story.at(16).system("room_closed", reason="host_gone")
    story.status = "closed"
    story.everybody_sees()
    story.at(100)


def closed_too_early(story: Story) -> None:
    the_host_goes(story)
    story.at(12).system("room_closed", reason="host_gone")
    story.everybody_sees()


def closed_with_its_host_in(story: Story) -> None:
    the_host_goes(story)
    story.at(8).history.note("host", "entered", stay=2, room=ROOM, worker="w0")
    story.at(16).system("room_closed", reason="host_gone")
    story.everybody_sees()


def closed_twice(story: Story) -> None:
    closed_after_the_grace(story)
    story.system("room_closed", reason="host_gone")
    story.everybody_sees()


def never_closed(story: Story) -> None:
    the_host_goes(story)
    story.at(100)


def a_late_worker_watches_anew(story: Story) -> None:
    the_host_goes(story)
    story.at(20).history.note("w0", "down")
    story.at(90).history.note("w0", "up")
    story.at(100)


def a_slow_delivery(story: Story) -> None:
    sending = story.at(1).invoke("anna", "a1")
    story.history.end(sending, "ok", seq=story.stand("anna", "hello", "a1"))
    story.sees("host", 4)
    story.sees("anna", 4)
    story.sees("ben", 3)
    story.at(1.4).sees("ben", 4)


def a_slow_delivery_while_the_lab_stood_still(story: Story) -> None:
    story.at(1.45).history.note("lab", "stall", seconds=0.3)
    a_slow_delivery(story)


def a_slow_delivery_on_a_busy_machine(story: Story) -> None:
    a_slow_delivery(story)
    story.at(50).history.note("lab", "stall", seconds=20.0)


def a_strangers_connection(story: Story) -> None:
    an_acked_send(story)
    story.history.end(story.history.invoke("nobody", "w0", "connect"), "fail", code="unauthorized")


def a_stranger_who_hears(story: Story) -> None:
    a_strangers_connection(story)
    story.history.see("nobody", 1, story.log[0], live=True, fresh=True)


def a_knock_let_in(story: Story) -> None:
    a_knock(story)
    approving = story.history.invoke("host", "w0", "approve", room=ROOM)
    story.system("participant_joined", user={"id": "eve"})
    story.at(10).history.end(approving, "ok", news=[])
    story.everybody_sees()
    story.sees("eve", 5, live=False)


def a_knock_while_all_are_let_in(story: Story) -> None:
    an_acked_send(story)
    approving = story.history.invoke("host", "w0", "approve", room=ROOM)
    knocking = story.at(2).history.invoke("eve", "w0", "knock", room=ROOM, user="eve")
    story.history.end(knocking, "ok", news=[("q1", "host")])
    story.history.note("host", "join_request", stay=1, request="q1")
    story.system("participant_joined", user={"id": "eve"})
    story.sees("eve", 5, live=False)
    story.at(3).history.end(approving, "ok", news=[])
    story.everybody_sees()


def a_knock_that_hears_before(story: Story) -> None:
    an_acked_send(story)
    story.at(1.5).sees("eve", 4)
    story.cursors["eve"] = 0
    story.at(2)
    a_knock_let_in(story)


def a_send_without_end(story: Story) -> None:
    an_acked_send(story)
    story.invoke("anna", "a2")


def a_slow_command(story: Story) -> None:
    an_acked_send(story)
    entering = story.history.invoke("ben", "w0", "enter", room=ROOM)
    story.at(12).history.end(entering, "unknown", why="silent")


def a_slow_command_while_frozen(story: Story) -> None:
    story.at(2).history.begin("stop", "worker", "w0")
    a_slow_command(story)


def a_knock(story: Story) -> None:
    an_acked_send(story)
    knocking = story.at(2).history.invoke("eve", "w0", "knock", room=ROOM, user="eve")
    story.history.end(knocking, "ok", news=[("q1", "host")])
    story.at(2.2).history.note("host", "join_request", stay=1, request="q1")
    story.at(9)


def a_knock_unheard(story: Story) -> None:
    an_acked_send(story)
    knocking = story.at(2).history.invoke("eve", "w0", "knock", room=ROOM, user="eve")
    story.history.end(knocking, "ok", news=[("q1", "host")])
    story.at(9)


def a_knock_heard_late(story: Story) -> None:
    a_knock_unheard(story)
    story.history.note("host", "join_request", stay=1, request="q1")


def a_refusal_unheard(story: Story) -> None:
    story.history.note("eve", "listens", stay=1)
    a_knock(story)
    denying = story.history.invoke("host", "w0", "deny", room=ROOM)
    story.history.end(denying, "ok", news=[("q1", "eve")])


def a_refusal(story: Story) -> None:
    a_refusal_unheard(story)
    story.history.note("eve", "decided", stay=1, request="q1", kind="join_request_denied")


def a_late_knock_with_redis_dead(story: Story) -> None:
    story.history.begin("redis away", "redis")
    an_acked_send(story)
    knocking = story.at(2).history.invoke("eve", "w0", "knock", room=ROOM, user="eve")
    story.history.end(knocking, "ok", news=[("q1", "host")])
    story.at(6).history.note("host", "join_request", stay=1, request="q1")


CASES: list[tuple[str, Tell, list[Tell]]] = [
    ("I1", an_acked_send, [an_acked_send_lost]),
    ("I2", an_unanswered_send_that_stands, [a_retried_send_that_stands_twice, a_ghost]),
    ("I2", a_refused_send, [a_refused_send_that_stands]),
    ("I3", an_acked_send, [a_hole]),
    ("I4", two_in_order, [two_turned_round]),
    ("I5", an_acked_send, [one_sees_nothing, one_sees_it_twice, one_gets_garbage]),
    ("I6", an_acked_send, [one_sees_another]),
    ("I7", two_in_order, [a_later_send_below]),
    ("I8", a_removal, [the_removed_one_speaks, the_removed_one_hears]),
    ("I9", closed_after_the_grace, [closed_too_early, closed_with_its_host_in, closed_twice, never_closed]),
    ("I9", a_late_worker_watches_anew, [never_closed]),
    ("I10", an_acked_send, [a_slow_delivery]),
    ("I10", a_slow_delivery_on_a_busy_machine, [a_slow_delivery]),
    ("I10", a_slow_delivery_while_the_lab_stood_still, [a_slow_delivery]),
    ("I12", a_strangers_connection, [a_stranger_who_hears]),
    ("I12", a_knock_let_in, [a_knock_that_hears_before]),
    ("I12", a_knock_while_all_are_let_in, [a_knock_that_hears_before]),
    ("I14", a_slow_command_while_frozen, [a_send_without_end, a_slow_command]),
    ("I15", a_knock, [a_knock_unheard, a_knock_heard_late]),
    ("I15", a_late_knock_with_redis_dead, [a_knock_heard_late]),
    ("I15", a_refusal, [a_refusal_unheard]),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", str(value))


def _told(tell: Tell) -> dict[str, int]:
    story = Story()
    tell(story)
    return check(story.history, story.read_back()).broken


@pytest.mark.parametrize(("invariant", "good"), [(name, good) for name, good, _ in CASES], ids=_name)
def test_the_checker_accepts_a_kept_promise(invariant: str, good: Tell) -> None:
    assert _told(good) == {}


@pytest.mark.parametrize(("invariant", "bad"), [(name, bad) for name, _, twins in CASES for bad in twins], ids=_name)
def test_the_checker_names_a_broken_promise(invariant: str, bad: Tell) -> None:
    assert invariant in _told(bad)


def test_only_the_asked_for_invariants_are_judged() -> None:
    story = Story()
    a_ghost(story)
    assert set(check(story.history, story.read_back(), only={"I6"}).broken) <= {"I6"}
