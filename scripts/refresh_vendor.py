#!/usr/bin/env python3
"""Fetch the third-party files of the pages anew, as `chatapp/static/vendor/vendor.json` names them.

    scripts/refresh_vendor.py                                 # again, the versions of the list
    scripts/refresh_vendor.py socket.io-client=4.8.4          # another version, which the list then names

npm checks each package against its registry's integrity hash. No step of any package is run.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "chatapp" / "static" / "vendor"
LIST = FOLDER / "vendor.json"


def main(arguments: list[str]) -> None:
    wanted = dict(argument.split("=", 1) for argument in arguments)
    listed = json.loads(LIST.read_text())
    if unknown := wanted.keys() - {entry["name"] for entry in listed}:
        raise SystemExit(f"not in {LIST.name}: {', '.join(sorted(unknown))}")
    for entry in listed:
        entry["version"] = wanted.get(entry["name"], entry["version"])
        refresh(entry)
    LIST.write_text(json.dumps(listed, indent=2) + "\n")


def refresh(entry: dict[str, Any]) -> None:
    """Take the files of one package out of its archive, and note their hashes."""
    with tempfile.TemporaryDirectory() as folder:
        package = f"{entry['name']}@{entry['version']}"
        done = subprocess.run(
            ["npm", "pack", package, "--json", "--ignore-scripts", "--pack-destination", folder],
            check=True,
            capture_output=True,
            text=True,
        )
        with tarfile.open(Path(folder) / json.loads(done.stdout)[0]["filename"]) as archive:
            for file in entry["files"]:
                make = sprite if "sprite" in file else tokens if "themes" in file else copy
                content = make(archive, entry | file)
                (FOLDER / file["file"]).write_bytes(content)
                file["sha256"] = hashlib.sha256(content).hexdigest()
                print(f"{file['file']}: {package}, {len(content)} bytes")


def copy(archive: tarfile.TarFile, file: dict[str, Any]) -> bytes:
    return read(archive, file["source"])


def read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/{name}")
    if member is None:
        raise SystemExit(f"the package has no file {name}")
    return member.read()


def sprite(archive: tarfile.TarFile, file: dict[str, Any]) -> bytes:
    """One file of symbols out of the icons of the list: their drawing untouched, their frame said once."""
    symbols = []
    for name in file["icons"]:
        drawing = re.search(r"<svg[^>]*>(.*)</svg>", read(archive, f"{file['sprite']}/{name}.svg").decode(), re.DOTALL)
        if drawing is None:
            raise SystemExit(f"{name} is no drawing")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(drawing[1].split())}</symbol>')
    frame = 'xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-width="1.5"'
    return "\n".join([f"<svg {frame}>", *symbols, "</svg>\n"]).encode()


def tokens(archive: tarfile.TarFile, file: dict[str, Any]) -> bytes:
    """One style sheet of the design tokens of the package, and of those that they stand on, for each theme."""
    blocks = []
    for query, theme in file["themes"].items():
        text = read(archive, f"dist/css/functional/themes/{theme}.css").decode()
        values = dict(re.findall(r"^\s*--([\w-]+):\s*([^;]+);", text, re.MULTILINE))
        wanted = list(file["tokens"])
        for name in wanted:  # grows while it is read
            wanted += [other for other in re.findall(r"var\(--([\w-]+)\)", values[name]) if other not in wanted]
        lines = "".join(f"\n  --{name}: {values[name]};" for name in sorted(wanted))
        blocks.append(f"@media {query} {{ :root {{{lines}\n}} }}" if query else f":root {{{lines}\n}}")
    return ("\n\n".join(blocks) + "\n").encode()


if __name__ == "__main__":
    main(sys.argv[1:])
