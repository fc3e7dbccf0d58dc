"""Fixtures that every test may ask for: the app alone, real server processes, and a Node process with clients in it.
What servers say to our clients is held against the contract in each of them."""

pytest_plugins = [
    "tests.support.clients.contract",
    "tests.support.backend",
    "tests.support.school",
    "tests.support.receiver",
    "tests.support.server",
    "tests.support.clients.js",
]
