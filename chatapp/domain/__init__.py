"""The rules. No flask, no sockets, no Redis: `verb(actor, *, …)` answers with things of the contract or Refused."""
