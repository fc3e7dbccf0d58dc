"""The one table of commands and the one table of events: name, namespace, what goes in, what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import Schema

from chatapp.contract import answers, inputs, things
from chatapp.contract.names import CHAT, NOTIFICATIONS, Command, Event


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command: what it takes, and what its ack carries beside `ok`. `plain` says whether a plain WebSocket, which
    is in one room already, may use it."""

    name: Command
    namespaces: tuple[str, ...]
    schema: Schema
    answers: type[Schema]
    plain: bool = True


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event. `durable` ones are never lost; volatile ones may be dropped."""

    name: Event
    namespaces: tuple[str, ...]
    schema: type[Schema] | None
    durable: bool


def _chat(name: Command, schema: Schema, gives: type[Schema], *, plain: bool = True) -> CommandSpec:
    return CommandSpec(name, (CHAT,), schema, gives, plain)


COMMANDS: dict[str, CommandSpec] = {
    spec.name.value: spec
    for spec in (
        _chat(Command.ROOM_ENTER, inputs.RoomEnterInput(), things.SnapshotSchema, plain=False),
        _chat(Command.ROOM_LEAVE, inputs.InRoom(), answers.DoneSchema, plain=False),
        _chat(Command.MESSAGE_SEND, inputs.MessageSendInput(), answers.SentSchema),
        _chat(Command.MESSAGES_AFTER, inputs.MessagesAfterInput(), answers.LogPageSchema),
        _chat(Command.MESSAGES_BEFORE, inputs.MessagesBeforeInput(), answers.LogPageSchema),
        _chat(Command.TYPING, inputs.TypingInput(), answers.DoneSchema),
        _chat(Command.JOIN_REQUEST_CREATE, inputs.JoinRequestCreateInput(), answers.KnockedSchema),
        _chat(Command.JOIN_REQUEST_WITHDRAW, inputs.InRoom(), answers.KnockedSchema),
        _chat(Command.JOIN_REQUEST_APPROVE, inputs.ApproveCommandInput(), answers.DecisionsSchema),
        _chat(Command.JOIN_REQUEST_DENY, inputs.DenyCommandInput(), answers.DecisionsSchema),
        _chat(Command.PARTICIPANT_REMOVE, inputs.RemoveCommandInput(), answers.RemovalSchema),
        _chat(Command.ROOM_CREATE, inputs.RoomCreateInput(), answers.RoomAnswerSchema),
        _chat(Command.ROOM_CLOSE, inputs.InRoom(), answers.RoomAnswerSchema),
        _chat(Command.ROOM_REOPEN, inputs.InRoom(), answers.RoomAnswerSchema),
        CommandSpec(Command.TOKEN_REFRESH, (CHAT, NOTIFICATIONS), inputs.TokenRefreshInput(), answers.RefreshedSchema),
        CommandSpec(
            Command.NOTIFICATIONS_MARK_READ,
            (NOTIFICATIONS,),
            inputs.MarkReadInput(),
            things.NotificationsReadSchema,
            plain=False,
        ),
    )
}

EVENTS: dict[str, EventSpec] = {
    spec.name.value: spec
    for spec in (
        EventSpec(Event.MESSAGE, (CHAT,), things.MessageSchema, durable=True),
        EventSpec(Event.ROOM_HEAD, (CHAT,), things.RoomHeadSchema, durable=False),
        EventSpec(Event.ROOM_UPDATED, (CHAT,), things.RoomSchema, durable=True),
        EventSpec(Event.TYPING, (CHAT,), things.TypingSchema, durable=False),
        EventSpec(Event.PRESENCE, (CHAT,), things.PresenceSchema, durable=False),
        EventSpec(Event.JOIN_REQUEST, (CHAT,), things.JoinRequestSchema, durable=True),
        EventSpec(Event.BYE, (CHAT, NOTIFICATIONS), things.ByeSchema, durable=False),
        EventSpec(Event.NOTIFICATIONS, (NOTIFICATIONS,), things.NotificationsSchema, durable=True),
        EventSpec(Event.NOTIFICATION, (NOTIFICATIONS,), things.NotificationSchema, durable=True),
        EventSpec(Event.NOTIFICATIONS_READ, (NOTIFICATIONS,), things.NotificationsReadSchema, durable=True),
    )
}
