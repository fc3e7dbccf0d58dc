"""Clients of chatapp that keep the contract's rules, on every transport. Bare sockets: `tests.support.rawsocket`."""
