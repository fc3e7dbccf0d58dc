"""What the settings accept, what they refuse, and that the refusal is one line that names the setting."""

import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from config import EX_CONFIG, ROOT, ConfigError, Rate, Settings, UnsafeSetting, example, load_settings

KEY = "4hVgq0ZkT2mXw9RbYc7PdLs1JfNuE8aQ"
OTHER_KEY = "Wb3xK6tHr1ZoU5yMv0SgCq9EjDn2FpLi"
KEYS = {"SECRET_KEY": KEY, "JWT_SECRET_KEY": OTHER_KEY}
SCHOOL = {"HOST": "0.0.0.0", "PUBLIC_URL": "https://chat.school.example", "CORS_ORIGINS": "https://chat.school.example"}


def load(**environ: str) -> Settings:
    return load_settings({**KEYS, **environ})


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(UnsafeSetting) as caught:
        load_settings(environ)
    return str(caught.value)


def test_the_keys_alone_make_a_school_on_this_machine() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 5000, "http://127.0.0.1:5000")
    assert settings.database_url == f"sqlite:///{ROOT / 'instance' / 'chatapp.db'}"
    assert settings.cors_origins == ("http://127.0.0.1:5000", "http://localhost:5000")
    assert settings.demo and settings.loopback and not settings.public and not settings.https
    assert settings.limit_sends == Rate(5, 1) and settings.limit_knocks == Rate(5, 3600)


def test_a_public_school_needs_its_origins_and_has_no_demo_accounts() -> None:
    settings = load(**SCHOOL)
    assert settings.public and settings.https and not settings.loopback and not settings.demo
    assert settings.cors_origins == ("https://chat.school.example",)


def test_a_worker_behind_a_proxy_is_public_although_it_listens_on_loopback() -> None:
    settings = load(PUBLIC_URL="https://chat.school.example")
    assert settings.loopback and settings.public and not settings.demo
    assert settings.cors_origins == ("https://chat.school.example",)


@pytest.mark.parametrize(
    ("environ", "attribute", "expected"),
    [
        ({"PORT": "8080"}, "cors_origins", ("http://127.0.0.1:8080", "http://localhost:8080")),
        ({"PORT": "80"}, "cors_origins", ("http://127.0.0.1", "http://localhost")),
        ({"HOST": "localhost"}, "cors_origins", ("http://localhost:5000", "http://127.0.0.1:5000")),
        ({"HOST": "::1"}, "cors_origins", ("http://[::1]:5000", "http://localhost:5000")),
        (
            {"CORS_ORIGINS": "HTTPS://A.example:443, http://b.example:81"},
            "cors_origins",
            ("https://a.example", "http://b.example:81"),
        ),
        ({"PUBLIC_URL": "https://a.example/"}, "public_url", "https://a.example"),
        ({"DATABASE_URL": "postgres://u:p@db/chat"}, "database_url", "postgresql+psycopg://u:p@db/chat"),
        ({"DATABASE_URL": "postgresql://u:p@db/chat"}, "database_url", "postgresql+psycopg://u:p@db/chat"),
        ({"DATABASE_URL": "postgresql+psycopg://u:p@db/chat"}, "database_url", "postgresql+psycopg://u:p@db/chat"),
        ({"DATABASE_URL": "sqlite:////srv/chat.db"}, "database_url", "sqlite:////srv/chat.db"),
        ({"DATABASE_URL": "sqlite:///chat.db"}, "database_url", f"sqlite:///{ROOT / 'chat.db'}"),
        ({"UPLOAD_DIR": "files"}, "upload_dir", ROOT / "files"),
        ({"UPLOAD_DIR": "/srv/files"}, "upload_dir", Path("/srv/files")),
        ({"UPLOAD_DIR": ""}, "upload_dir", ROOT / "instance" / "uploads"),
        ({"REDIS_URL": "redis://127.0.0.1:6379"}, "redis_url", "redis://127.0.0.1:6379"),
        ({"REDIS_URL": "rediss://:p@cache.example/0"}, "redis_url", "rediss://:p@cache.example/0"),
        ({"REDIS_URL": "redis://cache.example?password=p"}, "redis_url", "redis://cache.example?password=p"),
        ({"REDIS_URL": "unix:///run/redis.sock"}, "redis_url", "unix:///run/redis.sock"),
        ({"REDIS_URL": "redis+sentinel://:p@a:1,b:2/0/x"}, "redis_url", "redis+sentinel://:p@a:1,b:2/0/x"),
        (
            {"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8"},
            "trusted_proxies",
            (ip_network("127.0.0.1"), ip_network("10.0.0.0/8")),
        ),
        ({"LOG_LEVEL": "debug"}, "log_level", "DEBUG"),
        ({"REGISTRATION": "invite", "INVITE_CODE": "blackboard-42"}, "registration", "invite"),
        ({"HOST_GRACE_SECONDS": "0"}, "host_grace_seconds", 0),
        ({"POLL_DEGRADED_SECONDS": "0.05"}, "poll_degraded_seconds", 0.05),
        ({"LIMIT_SENDS": "300/minute"}, "limit_sends", Rate(300, 60)),
        ({"LIMIT_UPLOADS": "7/2 hours"}, "limit_uploads", Rate(7, 7200)),
        ({"SCANNER": "/run/clamav/clamd.ctl"}, "scanner", "/run/clamav/clamd.ctl"),
        ({"SCANNER": "[::1]:3310"}, "scanner", "[::1]:3310"),
        ({"LIMIT_CONNECTIONS": " 50 "}, "limit_connections", 50),
        ({"DEMO": "false"}, "demo", False),
    ],
)
def test_a_good_value_is_read(environ: dict[str, str], attribute: str, expected: object) -> None:
    assert getattr(load(**environ), attribute) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "http://127.0.0.1"),
        ("LIMIT_UPLOADS", "20/0 minutes"),
        ("SCANNER", "clamd"),
        ("SCANNER", "run/clamd.ctl"),
        ("S3_BUCKET", "Not a bucket"),
        ("S3_BUCKET", "files"),
        ("S3_PREFIX", "/a/"),
        ("S3_ENDPOINT", "ftp://files"),
        ("HOST", "*"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "5000.0"),
        ("PORT", "-1"),
        ("PORT", "٥٠٠٠"),
        ("METRICS_PORT", "5000"),
        ("PUBLIC_URL", "chat.school.example"),
        ("PUBLIC_URL", "https://chat.school.example/room"),
        ("PUBLIC_URL", "ftp://chat.school.example"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "[]"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "https://*.school.example"),
        ("CORS_ORIGINS", "https://school.example/"),
        ("CORS_ORIGINS", "https://school.example,*"),
        ("CORS_ORIGINS", "https://school.example,"),
        ("CORS_ORIGINS", "https://school.example:99999"),
        ("CORS_ORIGINS", "https://user@school.example"),
        ("CORS_ORIGINS", "school.example"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "*"),
        ("LOG_LEVEL", "LOUD"),
        ("DATABASE_URL", "mysql://u:p@db/chat"),
        ("DATABASE_URL", "postgresql+psycopg2://u:p@db/chat"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite:///file:x?mode=memory"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "redis://cache.example:6379/0"),
        ("REDIS_URL", "redis://user@cache.example:6379/0"),
        ("REDIS_URL", "redis+sentinel://127.0.0.1:1,cache.example:2/0/x"),
        ("QUEUE_CHANNEL", "two words"),
        ("QUEUE_CHANNEL", "x" * 101),
        ("REGISTRATION", "everybody"),
        ("REGISTRATION", "invite"),
        ("INVITE_CODE", "1234"),
        ("DEMO", "yes"),
        ("HOST_GRACE_SECONDS", "601"),
        ("ACCESS_TOKEN_SECONDS", "0"),
        ("ACCESS_TOKEN_SECONDS", "2592001"),
        ("PING_INTERVAL_SECONDS", "nan"),
        ("PING_INTERVAL_SECONDS", "inf"),
        ("PING_INTERVAL_SECONDS", "1e3"),
        ("PING_INTERVAL_SECONDS", "0"),
        ("PING_INTERVAL_SECONDS", "-1"),
        ("FENCE_SECONDS", "15"),
        ("LEASE_BEAT_SECONDS", "12"),
        ("LEASE_TIMEOUT_SECONDS", "5"),
        ("LIMIT_SENDS", "5"),
        ("LIMIT_SENDS", "0/second"),
        ("LIMIT_SENDS", "5/fortnight"),
        ("LIMIT_SENDS", "5 per second"),
        ("LIMIT_TITLE", "5/second"),
        ("LIMIT_TITLE", "0"),
        ("LIMIT_TITLE", "121"),
        ("LIMIT_MESSAGE_BYTES", "32769"),
        ("LIMIT_SEND", "5/second"),
        ("LIMIT_FILE_BYTES", "25MiB"),
        ("LIMIT_FILE_BYTES", "9" * 400),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_setting(name: str, value: str) -> None:
    message = refusal({**KEYS, name: value})
    assert re.search(rf"\b{name}\b", message)
    assert message.isprintable() and len(message) < 250


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
@pytest.mark.parametrize(
    "key",
    [
        "",
        KEY[:31],
        "dev",
        "changeme",
        "dev" * 20,
        "changeme" * 5,
        "secret" * 8,
        "super-secret-" * 4,
        "change-me-to-a-random-string-in-production",
        "this-is-a-very-secret-key-please-change-it",
        "your-256-bit-secret-your-256-bit-secret",
        "0" * 64,
        "ab" * 32,
        "0123456789abcdef" * 2,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "Xk9#" * 16,
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    ],
)
def test_a_key_that_could_be_guessed_is_refused_and_not_repeated(name: str, key: str) -> None:
    message = refusal({**KEYS, name: key})
    assert message.startswith(f"{name} ")
    assert len(key) < 9 or key not in message


def test_equal_keys_are_refused_and_different_ones_are_not() -> None:
    assert refusal({"SECRET_KEY": KEY, "JWT_SECRET_KEY": KEY}) == "SECRET_KEY and JWT_SECRET_KEY must differ."
    assert load().secret_key == KEY


def test_a_public_address_without_origins_with_demo_or_with_debug_is_refused() -> None:
    assert load(**SCHOOL).public
    assert "CORS_ORIGINS" in refusal({**KEYS, "HOST": "0.0.0.0"})
    assert "DEMO" in refusal({**KEYS, **SCHOOL, "DEMO": "true"})
    assert "FLASK_DEBUG" in refusal({**KEYS, **SCHOOL, "FLASK_DEBUG": "1"})
    assert not load(FLASK_DEBUG="1").public


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2-hunter2@db/chat"),
        ("REDIS_URL", "http://:hunter2-hunter2@cache"),
        ("SECRET_KEY", "hunter2-hunter2"),
    ],
)
def test_a_refusal_never_shows_a_secret(name: str, value: str) -> None:
    assert "hunter2" not in refusal({**KEYS, name: value})


def test_secrets_stay_out_of_repr_and_settings_cannot_be_changed() -> None:
    settings = load(
        DATABASE_URL="postgresql://u:hunter2@db/chat", REDIS_URL="redis://:hunter2@cache", INVITE_CODE="hunter2-code"
    )
    assert not any(secret in repr(settings) for secret in (KEY, OTHER_KEY, "hunter2"))
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_a_value_with_control_characters_stays_one_line() -> None:
    assert "\\n" in refusal({**KEYS, "PORT": "1\n2\x1b[31m"})


def test_the_queue_channel_is_one_a_deployment_and_outlives_a_password_change() -> None:
    one, same, other = (
        load(DATABASE_URL=url).queue_channel
        for url in ("postgresql://u:a@db/chat", "postgresql://u:b@db/chat", "postgresql://u:a@db/staging")
    )
    assert one == same != other
    assert load(QUEUE_CHANNEL="ours").queue_channel == "ours"


def test_a_rate_is_written_as_it_is_read() -> None:
    assert str(Rate(20, 60)) == "20/minute"
    assert str(Rate(20, 600)) == "20/10 minutes" and load(LIMIT_UPLOADS="20/10 minutes").limit_uploads == Rate(20, 600)
    assert Rate(30, 60).per_second == 0.5


def test_the_refusal_carries_the_exit_status() -> None:
    assert issubclass(UnsafeSetting, ConfigError)
    assert UnsafeSetting.exit_status == EX_CONFIG == 78


def test_every_setting_is_in_the_committed_example() -> None:
    assert (ROOT / ".env.example").read_text() == example(), "stale: python config.py --example > .env.example"


def test_the_example_with_keys_gives_the_defaults() -> None:
    lines = [line.partition("=") for line in example().splitlines() if line and not line.startswith("#")]
    environ = {name: value for name, _, value in lines}
    assert [name.lower() for name in environ] == [row.name for row in fields(Settings)]
    assert load_settings({**environ, **KEYS}) == load()


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "config.py"), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)


def test_a_script_reads_a_setting_but_no_secret() -> None:
    assert run("--get", "PUBLIC_URL", **KEYS, PORT="8080").stdout == "http://127.0.0.1:8080\n"
    assert run("--get", "DEMO", **KEYS).stdout == "true\n"
    assert run("--get", "SECRET_KEY", **KEYS).returncode == 2


def test_a_script_meets_an_unsafe_setting_as_one_line_and_status_78() -> None:
    done = run("--get", "PORT", **KEYS, PORT="http")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "chatapp: PORT must be a whole number from 1 to 65535, not 'http'.\n"
