"""The types of the JavaScript package: they compile as their users compile them, and are true of the code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.driver import HERE, ROOT, install
from tests.support.lacking import program

pytestmark = pytest.mark.service
JS = ROOT / "tests" / "js"
PACKAGE = ROOT / "clients" / "javascript"
STRICT = {
    "strict": True,
    "noEmit": True,
    "target": "es2022",
    "module": "nodenext",
    "lib": ["es2022", "dom"],
    "types": [],
    "skipLibCheck": False,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
}


def node(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [program("node", package="nodejs"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A program in TypeScript that uses the package: the README's example, and one that touches more."""
    install(tmp_path)
    (example,) = re.findall(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme.ts").write_text(example)
    (tmp_path / "lesson.ts").write_text((HERE / "lesson.ts").read_text())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    settings = {"compilerOptions": STRICT, "files": ["readme.ts", "lesson.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))
    return tmp_path


def test_typescript_takes_what_is_right_and_refuses_what_is_wrong(project: Path) -> None:
    tsc = JS / "node_modules" / "typescript" / "bin" / "tsc"
    done = node(tsc, "--project", project)
    assert done.returncode == 0, done.stdout
    wrong = project / "lesson.ts"
    lines = [line for line in wrong.read_text().splitlines() if "@ts-expect-error" not in line]
    wrong.write_text("\n".join(lines))
    assert len(re.findall(r"^\S+lesson\.ts\(\d+,\d+\): error TS", node(tsc, "-p", project).stdout, re.MULTILINE)) == 6


def test_what_is_typed_is_there_and_what_is_there_is_typed(project: Path) -> None:
    package = project / "node_modules" / "chatapp-client"
    done = node(JS / "types.mjs", package)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    types = package / "index.d.ts"
    types.write_text(types.read_text().replace("  comeBack()", "  returnNow()"))
    done = node(JS / "types.mjs", package)
    told = ["RoomClient.returnNow is typed, and is not there", "RoomClient.comeBack is there, and not typed"]
    assert (done.returncode, done.stdout.splitlines()) == (1, told)
