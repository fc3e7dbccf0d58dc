"""The table of all settings: name, default, meaning, and how it is read. A new setting is a row here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from settings.values import (
    ROOT,
    Network,
    Rate,
    database,
    flag,
    folder,
    is_loopback,
    matching,
    networks,
    one_of,
    origins,
    rate,
    redis,
    seconds,
    text,
    web_address,
    whole,
)

Registration = Literal["open", "invite", "closed"]
T = TypeVar("T")


def setting(default: T, help_text: str, parse: Callable[[str], T], *, secret: bool = False, title: str = "") -> T:
    """A row of the table: a dataclass field that knows how to read itself. Secrets stay out of repr and messages."""
    metadata = {"help": help_text, "parse": parse, "secret": secret, "title": title}
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, checked. Made by `load_settings`; a name here is the environment's in lower case."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on.",
        matching(r"[a-z0-9.:-]{1,253}", "an address or host name"),
        title="Address",
    )
    port: int = setting(5000, "Port to listen on.", whole(1, 65535))
    public_url: str = setting(
        "", "Address that browsers use; https here makes cookies Secure. Empty: http://HOST:PORT.", web_address
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        "Origins that may connect, comma separated. Empty: the page's own on a loopback HOST; else required.",
        origins,
    )
    trusted_proxies: tuple[Network, ...] = setting(
        (), "Proxies whose X-Forwarded-* headers are believed. Empty: none.", networks
    )
    worker_name: str = setting(
        "",
        "Begins the ids of this worker's Socket.IO connections, so that a proxy can route by them. Empty: random.",
        matching(r"[a-z0-9]{1,16}", "1 to 16 small letters or digits"),
    )
    metrics_port: int = setting(0, "Port of its own for /metrics. 0: none.", whole(0, 65535))
    log_level: str = setting(
        "INFO",
        "DEBUG, INFO, WARNING or ERROR. SIGUSR1 switches a running worker to DEBUG and back.",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )

    secret_key: str = setting(
        "", "Required: signs page sessions. 32 random bytes or more.", text, secret=True, title="Secrets"
    )
    jwt_secret_key: str = setting(
        "", "Required: signs tokens. 32 random bytes or more, another than SECRET_KEY.", text, secret=True
    )
    database_url: str = setting(
        "", "PostgreSQL or SQLite. Empty: the SQLite file instance/chatapp.db.", database, secret=True, title="Storage"
    )
    redis_url: str = setting("", "Redis or Valkey between several workers. Empty: one process.", redis, secret=True)
    queue_channel: str = setting(
        "",
        "Redis channel; Redis databases do not separate channels. Empty: made from DATABASE_URL.",
        matching(r"[a-z0-9_.:-]{1,100}", "1 to 100 letters, digits or _ . : -"),
    )
    upload_dir: Path = setting(
        ROOT / "instance" / "uploads",
        "Folder of uploaded files, and of uploads under way. Empty: instance/uploads.",
        folder,
    )
    s3_bucket: str = setting(
        "",
        "Keep files in this bucket instead of the folder. Empty: in the folder.",
        matching(r"[a-z0-9][a-z0-9.-]{1,62}", "a bucket's name"),
        title="Files",
    )
    s3_prefix: str = setting(
        "chatapp",
        "Where in the bucket. Ours alone: what lies there without a row in the database is swept away.",
        matching(r"[a-z0-9_.-]{1,100}(/[a-z0-9_.-]{1,100}){0,8}", "a path without a slash at its ends"),
    )
    s3_endpoint: str = setting("", "Address of an S3-compatible server. Empty: Amazon's.", web_address)
    s3_region: str = setting("us-east-1", "Region of the bucket.", matching(r"[a-z0-9-]{1,40}", "a region"))
    s3_access_key_id: str = setting("", "Key to the bucket.", text, secret=True)
    s3_secret_access_key: str = setting("", "Secret of that key.", text, secret=True)
    scanner: str = setting(
        "",
        "A clamd that looks at each upload: host:port, or the path of its socket. Empty: none.",
        matching(r"/\S{1,100}|(\[[0-9a-f:]+\]|[a-z0-9.-]{1,253}):[0-9]{1,5}", "host:port, or the path of a socket"),
    )
    scanner_required: bool = setting(
        True, "Whether uploads are refused while the scanner does not answer; false lets them in unseen.", flag
    )
    draft_seconds: int = setting(86_400, "How long an uploaded file stays that no message shows.", whole(60))
    sweep_seconds: float = setting(3600.0, "Between searches for bytes that belong to no file.", seconds)

    registration: Registration = setting(
        "open", "Who may register: open, invite or closed.", one_of("open", "invite", "closed"), title="Accounts"
    )
    invite_code: str = setting(
        "",
        "Makes who registers with it a teacher. Required when REGISTRATION=invite.",
        matching(r".{8,}", "8 or more characters"),
        secret=True,
    )
    demo: bool = setting(False, "Whether demo accounts may be active. Empty: on a loopback address only.", flag)
    access_token_seconds: int = setting(3600, "Life of an access token.", whole(1, 31_536_000))
    refresh_token_seconds: int = setting(2_592_000, "Life of a refresh token.", whole(1, 31_536_000))
    session_seconds: int = setting(
        7_776_000, "How long a sign-in lasts at most, however often it is refreshed.", whole(1, 315_360_000)
    )
    given_password_seconds: int = setting(
        1_209_600,
        "How long a password is good that the school made for somebody; by then they have their own.",
        whole(60, 31_536_000),
    )
    ticket_seconds: int = setting(60, "Life of a one-time ticket for a plain WebSocket.", whole(1, 3600))

    retention_message_days: int = setting(
        0,
        "How long what is said is kept; a room may keep it for less. 0: for ever.",
        whole(0, 3650),
        title="Retention, carried out by `flask --app wsgi retention apply`",
    )
    retention_file_days: int = setting(0, "How long files are kept. 0: as long as their messages.", whole(0, 3650))
    retention_audit_days: int = setting(0, "How long audit entries are kept. 0: for ever.", whole(0, 3650))

    host_grace_seconds: int = setting(
        60,
        "How long a class waits for a host who dropped, unless its room says otherwise.",
        whole(0, 600),
        title="Times",
    )
    host_away_seconds: float = setting(5.0, "How long an absence lasts before the class is told.", seconds)
    ping_interval_seconds: float = setting(10.0, "Between heartbeats of a connection.", seconds)
    ping_timeout_seconds: float = setting(10.0, "How long an answer to a heartbeat may take.", seconds)
    connect_timeout_seconds: float = setting(5.0, "How long a socket may stay without an authenticated actor.", seconds)
    head_seconds: float = setting(10.0, "Between announcements of a room's head.", seconds)
    send_deadline_seconds: float = setting(8.0, "A send that could not be committed by then is unavailable.", seconds)
    slow_seconds: float = setting(10.0, "A reader whose oldest packet waits longer is closed as slow.", seconds)
    slow_bytes: int = setting(1_048_576, "A reader with more bytes waiting is closed as slow.", whole())
    committer_queue: int = setting(10_000, "Sends that may wait for their commit.", whole())
    poll_seconds: float = setting(1.0, "Between looks at the database for what other processes wrote.", seconds)
    poll_degraded_seconds: float = setting(0.3, "The same while Redis is unwell.", seconds)
    lease_beat_seconds: float = setting(3.0, "Between a worker's signs of life.", seconds)
    fence_seconds: float = setting(12.0, "A worker whose last beat is older stops serving.", seconds)
    lease_timeout_seconds: float = setting(15.0, "A worker silent for longer is declared dead by the others.", seconds)
    janitor_seconds: float = setting(1.0, "Between looks at absent hosts and silent workers.", seconds)
    drain_seconds: float = setting(10.0, "How long a stopping process may take.", seconds)

    webhook_private: bool = setting(
        False, "Whether webhooks may go to private addresses, and over plain http.", flag, title="Webhooks"
    )
    webhook_poll_seconds: float = setting(1.0, "Between looks for what is to be delivered.", seconds)
    webhook_timeout_seconds: float = setting(10.0, "How long a delivery may take.", seconds)
    webhook_retry_seconds: float = setting(5.0, "Before the second try; doubled each time, up to 4 hours.", seconds)
    webhook_give_up_seconds: int = setting(259_200, "A webhook that fails for longer is switched off.", whole())

    limit_message_chars: int = setting(4000, "Code points of a message.", whole(), title="Limits")
    limit_message_bytes: int = setting(16_384, "Bytes of a message in UTF-8.", whole())
    limit_frame_bytes: int = setting(32_768, "Bytes of one socket frame or packet.", whole(1024))
    limit_client_id: int = setting(64, "Characters of a client_id.", whole(1, 64))
    limit_title: int = setting(120, "Characters of a room's title.", whole(1, 120))
    limit_description: int = setting(2000, "Characters of a room's description.", whole())
    limit_note: int = setting(500, "Characters of a join request's note.", whole())
    limit_reason: int = setting(500, "Characters of a reason given for a denial or removal.", whole())
    limit_display_name: int = setting(80, "Characters of a display name.", whole(1, 80))
    limit_file_bytes: int = setting(26_214_400, "Bytes of an uploaded file.", whole())
    limit_user_bytes: int = setting(209_715_200, "Bytes of all files of a user.", whole())
    limit_room_bytes: int = setting(1_073_741_824, "Bytes of all files of a room.", whole())
    limit_pixels: int = setting(50_000_000, "Pixels of a picture, all its frames together.", whole(1, 100_000_000))
    limit_uploads: Rate = setting(Rate(20, 600), "Uploads of a user.", rate)
    limit_participants: int = setting(500, "Participants of a room.", whole())
    limit_pending: int = setting(100, "Pending join requests of a room.", whole())
    limit_open_rooms: int = setting(20, "Open rooms of a teacher.", whole())
    limit_connections: int = setting(5, "Connections of a user; the oldest gives way.", whole())
    limit_sends: Rate = setting(Rate(5, 1), "Sends of a user in a room, per worker.", rate)
    limit_sends_burst: int = setting(10, "Sends at once, before LIMIT_SENDS holds.", whole())
    limit_typing: Rate = setting(Rate(2, 1), "Typing signs of a user in a room, per worker; more are dropped.", rate)
    limit_packets: Rate = setting(Rate(50, 1), "Packets of a connection.", rate)
    limit_packets_burst: int = setting(200, "Packets at once, before LIMIT_PACKETS holds.", whole())
    limit_connects: Rate = setting(
        Rate(200, 60), "Connects of a user to a namespace; 50 times as many of an address.", rate
    )
    limit_requests: Rate = setting(Rate(50, 1), "REST requests of a user, per worker.", rate)
    limit_requests_burst: int = setting(200, "REST requests at once, before LIMIT_REQUESTS holds.", whole())
    limit_history: Rate = setting(
        Rate(300, 60), "Pages of history and lists read by a user; over sockets, per worker.", rate
    )
    limit_exports: Rate = setting(Rate(20, 3600), "Archives of rooms and people taken by a user.", rate)
    limit_history_burst: int = setting(50, "Pages over sockets at once, before LIMIT_HISTORY holds.", whole())
    limit_login: Rate = setting(Rate(10, 60), "Logins tried for an account from an address.", rate)
    limit_login_address: Rate = setting(
        Rate(200, 60), "Failed logins from an address, which a school may share; known devices go on.", rate
    )
    limit_login_account: Rate = setting(
        Rate(100, 3600), "Failed logins for an account from anywhere; its known devices go on.", rate
    )
    limit_register: Rate = setting(Rate(300, 60), "Registrations from an address, which a school may share.", rate)
    limit_code_lookups: Rate = setting(Rate(20, 60), "Join codes looked up by a user.", rate)
    limit_tokens: int = setting(20, "API tokens of a user.", whole())
    limit_webhooks: int = setting(20, "Webhooks of a user.", whole())
    limit_knocks: Rate = setting(Rate(5, 3600), "Join requests of a user for a room.", rate)

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the listener."""
        return is_loopback(self.host)

    @property
    def public(self) -> bool:
        """Whether strangers reach the pages: by the listener, or by the proxy that PUBLIC_URL names."""
        return not self.loopback or not is_loopback(urlsplit(self.public_url).hostname or "")

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")
