"""Has a file looked into by `examiner`, a process for each: a few at a time, and none longer than it should take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatapp.contract.errors import Code, Refused
from chatapp.filestore.kinds import BY_SUFFIX, Kind
from chatapp.filestore.names import unsupported
from chatapp.filestore.patience import Patience, too_late

SCRIPT = Path(__file__).with_name("examiner.py")
KEEP_SECONDS = 1.0
"""Of the patience with a file, for what comes after: keeping it, and the message that shows it."""

POLL_SECONDS = 0.01
FULL = "The server has no room for files at the moment."

_WORDS = {
    "kind": "Files of this kind are not taken.",
    "broken": "The file is broken.",
    "packed": "The file unpacks to far more than it says.",
    "nested": "An archive in an archive is not taken.",
    "link": "A link in an archive is not taken.",
    "macros": "Files with macros are not taken.",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What became of a picture: its pixels."""

    width: int
    height: int


class Examiner:
    """At most `slots` files are looked into at once, each with up to a GiB of memory and a core."""

    def __init__(self, *, max_pixels: int, slots: int = 2) -> None:
        self._max_pixels = max_pixels
        self._slots = threading.BoundedSemaphore(slots)

    def picture(self, patience: Patience, kind: Kind, source: int, made: int, small: int) -> Picture:
        """Make the picture in `source` anew in `made`, and small in `small`: numbers of open files. Raises
        unsupported_media_type, too_large, unavailable."""
        told = self._ask(patience, kind.media_type.removeprefix("image/").upper(), source, made, small)
        return Picture(int(told["width"]), int(told["height"]))

    def package(self, patience: Patience, source: int) -> Kind:
        """What kind of office file a package is. Raises unsupported_media_type, unavailable."""
        return BY_SUFFIX[self._ask(patience, "package", source)["suffix"]]

    def _ask(self, patience: Patience, task: str, *files: int) -> dict[str, Any]:
        if not self._slots.acquire(timeout=patience.left(keep=KEEP_SECONDS)):
            raise too_late()
        try:
            told = self._run(patience, task, files)
        finally:
            self._slots.release()
        if told.get("ok"):
            return told
        if told["why"] == "time":  # of its own it has not so much: the machine is busy
            raise too_late()
        if told["why"] == "pixels":
            raise Refused(Code.TOO_LARGE, f"A picture has at most {self._max_pixels} pixels, all its frames together.")
        if told["why"] == "disk":
            raise Refused(Code.UNAVAILABLE, FULL, retry_after=60)
        raise unsupported(_WORDS.get(told["why"], "The file takes too much to read."))

    def _run(self, patience: Patience, task: str, files: tuple[int, ...]) -> dict[str, Any]:
        arguments = [sys.executable, "-I", "-B", str(SCRIPT), task, str(self._max_pixels), *map(str, files)]
        process = subprocess.Popen(  # noqa: S603 — our own script, and numbers
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=files,
        )
        output = process.stdout.fileno() if process.stdout else -1
        try:
            # Polled: waiting would block the loop, and what it says fits into the pipe.
            while process.poll() is None:
                if not patience.left(keep=KEEP_SECONDS):
                    return {"ok": False, "why": "time"}
                time.sleep(POLL_SECONDS)
            said = os.read(output, 4096)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        try:
            told = json.loads(said)
        except ValueError:
            return {"ok": False, "why": "killed"}  # by a limit, or by a fault in a decoder
        return told if isinstance(told, dict) else {"ok": False, "why": "killed"}
