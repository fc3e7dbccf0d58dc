"""Who is in a room, by user id: as a snapshot says, and as what happens afterwards changes it."""

from __future__ import annotations

from chatapp_client.things import Message, Participant, Presence


class Roster(dict[str, Participant]):
    """Participants by user id."""

    def begin(self, participants: list[Participant]) -> None:
        """As a snapshot says."""
        self.clear()
        self.update((person["user"]["id"], person) for person in participants)

    def move(self, message: Message) -> None:
        """A system message changes it, as the next snapshot would."""
        user = (message["params"] or {}).get("user", {})
        if message["code"] == "participant_joined":
            joined_at = message["created_at"]
            self[user["id"]] = Participant(user=user, role="participant", online=False, joined_at=joined_at)
        elif message["code"] in ("participant_left", "participant_removed"):
            self.pop(user.get("id", ""), None)

    def present(self, presence: Presence) -> None:
        """Who came online, and who went."""
        for users, online in ((presence["joined"], True), (presence["left"], False)):
            for user in users:
                if user["id"] in self:
                    self[user["id"]]["online"] = online
