/** Who is in a room, by user id, in the order of joining: as a snapshot says, and as what happens afterwards changes it. */

export class Roster extends Map {
  /** @param {any[]} participants of a snapshot */
  begin(participants) {
    this.clear();
    for (const person of participants) this.set(person.user.id, person);
  }

  /** A system message, as the next snapshot would say it. @returns {boolean} whether it changes who is here */
  moved(code, { user }, joined_at) {
    if (code === "participant_joined") this.set(user.id, { user, role: "participant", online: false, joined_at });
    else if (code === "participant_left" || code === "participant_removed") this.delete(user.id);
    else return false;
    return true;
  }

  /** Who came and who went. @param {{joined: any[], left: any[]}} presence */
  present({ joined, left }) {
    for (const [users, online] of [[joined, true], [left, false]]) {
      for (const { id } of users) if (this.has(id)) this.get(id).online = online;
    }
  }
}
