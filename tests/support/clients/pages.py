"""A browser without scripts at the pages of a real server: a cookie, and forms that are sent as a page has them."""

from __future__ import annotations

import re

import requests

from tests.support.people import Person

TIMEOUT = 15.0
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    """`person`, who signs in by the form."""

    def __init__(self, person: Person) -> None:
        self.url = person.url
        self.session = requests.Session()
        self.session.trust_env = False  # it would read os.environ at each request, which pytest changes meanwhile
        signed_in = self.submit("/sign-in/", username=person.username, password=person.password)
        assert signed_in.status_code == 303, signed_in.text

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Send a form; where it leads to is not followed."""
        found = TOKEN.search(self.session.get(f"{self.url}/", timeout=TIMEOUT).text)
        assert found is not None, "no form on the first page"
        return self.session.post(
            self.url + path, data={"csrf_token": found[1], **fields}, timeout=TIMEOUT, allow_redirects=False
        )
