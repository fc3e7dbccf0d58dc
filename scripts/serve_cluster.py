"""`make serve-cluster`: a whole deployment on free loopback ports, for trying it and for the tests.

PostgreSQL, Redis, nginx with deploy/nginx.conf and the workers, kept by supervisor. Everything is in a temporary folder
and goes when it stops. It is not how a school should be run: see deploy/README.md.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0
SUPERVISOR = """\
[supervisord]
nodaemon=true
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
{as_root}
[unix_http_server]
file={folder}/supervisor.sock
chmod=0700
[supervisorctl]
serverurl=unix://{folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """
[program:{name}]
command={command}
directory={root}
environment={environment}
priority={priority}
autostart={autostart}
autorestart=true
startsecs=1
stopsignal={stop}
stopwaitsecs=15
stdout_logfile={folder}/{name}.log
redirect_stderr=true
{user}
"""
NGINX = """\
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
worker_processes 1;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
{site}
}}
"""


class Cluster:
    """The files and ports of one deployment. `environment` is what the workers have beside it."""

    def __init__(self, workers: int, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.postgres_port, self.redis_port, self.port, *ports = free_ports(3 + workers)
        self.workers = {f"w{number}": port for number, port in enumerate(ports, start=1)}
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "DATABASE_URL": f"postgresql://chatapp@127.0.0.1:{self.postgres_port}/chatapp",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "JWT_SECRET_KEY": secrets.token_urlsafe(48),
            "PUBLIC_URL": self.address,
            "CORS_ORIGINS": f"{self.address},http://localhost:{self.port}",
            "TRUSTED_PROXIES": "127.0.0.1",
        } | (environment or {})
        self._keeper: subprocess.Popen[bytes] | None = None

    def start(self, *, demo: bool = True) -> None:
        """Start everything and wait until it is ready; with `demo`, with its demo class."""
        self.write()
        supervisord = str(Path(sys.executable).with_name("supervisord"))
        with (self.folder / "output.log").open("w") as output:
            self._keeper = subprocess.Popen(
                [supervisord, "-c", str(self.folder / "supervisord.conf")],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.prepare(demo=demo)
        self.control("start", *self.workers)
        eventually(self.is_ready, "the cluster")

    def wait(self) -> int:
        """Until supervisor ends; its exit status."""
        return 0 if self._keeper is None else self._keeper.wait()

    def stop(self) -> None:
        """End everything, in supervisor's order, and forget its data."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.terminate()
            keeper.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self) -> None:
        """Make the database's folder and the configuration of everything."""
        as_root = os.geteuid() == 0
        self.folder.chmod(0o711)
        binaries = postgres_binaries()
        data = self.folder / "postgres"
        data.mkdir(mode=0o700)
        if as_root:
            shutil.chown(data, "postgres", "postgres")
        run(
            *(("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if as_root else ()),
            str(binaries / "initdb"), f"--pgdata={data}", "--auth=trust", "--username=chatapp", "--encoding=UTF8",
            "--locale=C.UTF-8",
        )  # fmt: skip
        user = "user=postgres" if as_root else ""
        options = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200"
        postgres = f"{binaries}/postgres -D {data} -p {self.postgres_port} {options}"
        redis = f'redis-server --port {self.redis_port} --bind 127.0.0.1 --save "" --dir {self.folder}'
        programs = [
            self._program("postgres", postgres, 10, stop="INT", user=user),
            self._program("redis", redis, 10),
            *(self._worker(name, port) for name, port in self.workers.items()),
            self._program("nginx", f"{nginx()} -c {self.folder}/nginx.conf -g 'daemon off;'", 30, stop="QUIT"),
        ]
        head = SUPERVISOR.format(folder=self.folder, as_root="user=root" if as_root else "")
        (self.folder / "supervisord.conf").write_text(head + "".join(programs))
        (self.folder / "supervisord.conf").chmod(0o600)
        site = "\n".join("    " + line for line in self.site().splitlines())
        text = NGINX.format(folder=self.folder, site=site, user="user root;" if as_root else "")
        (self.folder / "nginx.conf").write_text(text)

    def site(self) -> str:
        """deploy/nginx.conf with these workers and this port, over plain http."""
        lines = []
        for line in (ROOT / "deploy" / "nginx.conf").read_text().splitlines():
            if "w2" in line or ":5102" in line or line.strip().startswith(("ssl_", "server_name")):
                continue
            if "w1" in line or ":5101" in line:
                each = self.workers.items()
                lines += [line.replace("w1", name).replace("5101", str(port)) for name, port in each]
            else:
                lines.append(line)
        return (
            "\n".join(lines)
            .replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
            .replace("/var/log/nginx/chatapp.log", f"{self.folder}/nginx-access.log")
            .replace("proxy_set_header Host $host;", "proxy_set_header Host $http_host;")
        )

    def prepare(self, *, demo: bool) -> None:
        """With PostgreSQL up: the database, its migrations, the demo class."""
        eventually(self._has_database, "PostgreSQL")
        flask = [str(Path(sys.executable).with_name("flask")), "--app", "wsgi"]
        environment = os.environ | self.environment
        run(*flask, "db", "upgrade", env=environment)
        if demo:
            run(*flask, "demo", "--if-empty", env=environment)

    def control(self, *words: str) -> str:
        """supervisorctl; what it says."""
        program = str(Path(sys.executable).with_name("supervisorctl"))
        return run(program, "-c", str(self.folder / "supervisord.conf"), *words)

    def is_ready(self) -> bool:
        """Whether every worker, and nginx before them, takes work."""
        addresses = [self.address, *(f"http://127.0.0.1:{port}" for port in self.workers.values())]
        return all(answers(f"{address}/readyz") for address in addresses)

    def _has_database(self) -> bool:
        try:
            with psycopg.connect(
                f"postgresql://chatapp@127.0.0.1:{self.postgres_port}/postgres", autocommit=True
            ) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'chatapp'").fetchone()
                if known is None:
                    connection.execute("CREATE DATABASE chatapp")
                return True
        except psycopg.OperationalError:
            return False

    def _worker(self, name: str, port: int) -> str:
        environment = self.environment | {"PORT": str(port), "HOST": "127.0.0.1", "WORKER_NAME": name}
        return self._program(name, f"{sys.executable} wsgi.py", 20, environment=environment, autostart=False)

    def _program(
        self,
        name: str,
        command: str,
        priority: int,
        *,
        stop: str = "TERM",
        user: str = "",
        environment: dict[str, str] | None = None,
        autostart: bool = True,
    ) -> str:
        pairs = ",".join(f'{key}="{value.replace("%", "%%")}"' for key, value in (environment or {}).items())
        return PROGRAM.format(
            name=name,
            command=command,
            root=ROOT,
            environment=pairs,
            priority=priority,
            autostart=str(autostart).lower(),
            stop=stop,
            folder=self.folder,
            user=user,
        )


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has right now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def postgres_binaries() -> Path:
    """Where Debian, or the PATH, has PostgreSQL's server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    if on_path is None:
        raise SystemExit("PostgreSQL's server is not installed: scripts/install-services")
    return Path(on_path).parent


def nginx() -> str:
    """nginx, which Debian keeps out of people's PATH."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise SystemExit("nginx is not installed: scripts/install-services")
    return found


def answers(url: str) -> bool:
    """Whether something there answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def eventually(probe: Callable[[], bool], what: str) -> None:
    """Wait for it, or say what did not come."""
    deadline = time.monotonic() + START_SECONDS
    while not probe():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not start within {START_SECONDS:.0f} s")
        time.sleep(0.1)


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a command in the tree; what it says."""
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cluster = Cluster(workers, Path(tempfile.mkdtemp(prefix="chatapp-cluster-")))
    try:
        cluster.start()
        print(f"chatapp    {cluster.address}")
        print(f"workers    {', '.join(f'{name} http://127.0.0.1:{port}' for name, port in cluster.workers.items())}")
        print("demo class teacher, student1, student2, student3 (password chatapp-demo)")
        print(f"logs       {cluster.folder}")
        print("stop       Ctrl+C", flush=True)
        return cluster.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
