"""The frame of our pages for transports beside this one: the composition root hands it to them."""

from __future__ import annotations

from chatapp.transports.web.errors import refused
from chatapp.transports.web.page import go, page
from chatapp.transports.web.page_session import actor

__all__ = ["actor", "go", "page", "refused"]
