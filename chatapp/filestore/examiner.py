"""Looks into one file in a process of its own: bounded in time and memory, without the server's secrets, and killable.

Run as a script with numbers of open files, never imported by the server: what a stranger's bytes may do to a decoder
happens here. It writes one line of JSON: `{ok: true, …}`, or `{ok: false, why, …}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import stat
import struct
import sys
import zipfile
from typing import IO, Any

CPU_SECONDS = 6
MEMORY = 1024**3
LONGEST_SIDE = 4096
"""Pixels of a kept picture: enough to read a photographed page, small enough for a class on phones."""

THUMBNAIL_SIDE = 480
MAX_FRAMES = 600

MAX_MEMBERS = 5000
MAX_RATIO = 100
SMALL_MEMBER = 1024 * 1024
"""A member that unpacks to less may be packed as tightly as it likes: empty tables are."""

MAIN_PARTS = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ppt/presentation.xml": "pptx"}
ODF = "application/vnd.oasis.opendocument."
ODF_TYPES = {"text": "odt", "spreadsheet": "ods", "presentation": "odp", "graphics": "odg"}
NESTED = frozenset((
    "7z", "apk", "app", "bat", "bin", "bz2", "cab", "cmd", "com", "dll", "dmg", "docm", "dotm", "exe", "gz", "iso",
    "jar", "js", "lnk", "lzma", "msi", "ps1", "rar", "sh", "tar", "tgz", "vbs", "xlsm", "xz", "zip", "zst",
))  # fmt: skip
OFFICE = frozenset(("docx", "xlsx", "pptx", "odt", "ods", "odp", "odg", "doc", "xls", "ppt"))

FAULTS = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ZeroDivisionError, struct.error)
"""What decoders raise at broken pictures; Pillow's own error is an OSError."""


class Rejected(Exception):
    """The file is not taken: `why` is kind, broken, pixels, packed, nested, link or macros."""


def main(task: str, source: int, *targets: int, max_pixels: int) -> dict[str, Any]:
    """Do one task. `targets` take the picture made anew and its thumbnail."""
    with os.fdopen(source, "rb") as file:
        file.seek(0)
        if task == "package":
            return package(file)
        with os.fdopen(targets[0], "wb+") as picture_file, os.fdopen(targets[1], "wb+") as thumbnail_file:
            return picture(file, picture_file, thumbnail_file, task, max_pixels)


def package(file: IO[bytes]) -> dict[str, Any]:
    """What office file a ZIP archive is, by its directory alone: nothing in it is unpacked."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise Rejected("packed")
        for member in members:
            _check_member(member)
        unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if unpacked > MAX_RATIO * size or packed > size:  # members that share their bytes are a bomb, too
            raise Rejected("packed")
        return {"suffix": _office(archive, members)}


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename
    suffix = name.casefold().rpartition(".")[2]
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Rejected("link")
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or member.flag_bits & 1:
        raise Rejected("kind")
    if name.casefold().endswith("vbaproject.bin"):
        raise Rejected("macros")
    # Each chart of a presentation brings its table along: an office file, which is not opened here either.
    parts_own = name.casefold().startswith(("ppt/embeddings/", "word/embeddings/", "xl/embeddings/", "ppt/printer",
                                            "xl/printer", "word/printer"))  # fmt: skip
    if (suffix in NESTED or suffix in OFFICE) and not (parts_own and suffix in OFFICE | {"bin"}):
        raise Rejected("nested")
    if member.file_size > SMALL_MEMBER and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise Rejected("packed")


def _office(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> str:
    names = {member.filename for member in members}
    if len(names) != len(members):
        raise Rejected("kind")  # two of one name: which is read depends on the reader
    first = members[0] if members else None
    if first is not None and first.filename == "mimetype" and first.compress_type == zipfile.ZIP_STORED:
        told = archive.read(first).decode("ascii", "replace") if first.file_size < 100 else ""
        return ODF_TYPES.get(told.removeprefix(ODF)) or _reject("kind")
    found = [suffix for part, suffix in MAIN_PARTS.items() if part in names]
    if "[Content_Types].xml" not in names or len(found) != 1:
        raise Rejected("kind")
    return found[0]


def _reject(why: str) -> str:
    raise Rejected(why)


def picture(file: IO[bytes], made: IO[bytes], small: IO[bytes], task: str, max_pixels: int) -> dict[str, Any]:
    """The picture made anew from its pixels alone: no EXIF, no GPS, no comment, nothing behind its end."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # counted here, and refused rather than warned of
    try:
        image = Image.open(file, formats=[task])
        frames = 1 if task == "JPEG" else getattr(image, "n_frames", 1)  # a camera's JPEG may carry a second view
        if image.width * image.height * frames > max_pixels or frames > MAX_FRAMES:
            raise Rejected("pixels")
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        if frames > 1:
            first = _save_moving(image, made, task, frames)
        else:
            first = _in_srgb(ImageOps.exif_transpose(image))
            first.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            first.save(made, task, **_options(task))
        size = first.size
        first.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        first.save(small, "WEBP", quality=75, method=3)
    except FAULTS as fault:
        raise Rejected("broken") from fault
    return {"width": size[0], "height": size[1]}


def _options(task: str) -> dict[str, Any]:
    return {"JPEG": {"quality": 88, "optimize": True}, "WEBP": {"quality": 88, "method": 3}}.get(task, {})


def _in_srgb(image: Any) -> Any:
    """The pixels alone, in a mode that every format here can keep, and in the colours that browsers assume."""
    from PIL import Image, ImageCms

    profile = image.info.get("icc_profile")
    has_alpha = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    if image.mode.startswith(("I", "F")):
        image = image.point(lambda value: value / 256) if image.mode.startswith("I;16") else image
        image = image.convert("L")
    if profile and image.mode in ("RGB", "CMYK"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            import io

            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    mode = "RGBA" if has_alpha else "L" if image.mode in ("1", "L") else "RGB"
    plain = Image.new(mode, image.size)
    plain.paste(image.convert(mode))
    return plain


def _save_moving(image: Any, made: IO[bytes], task: str, frames: int) -> Any:
    from PIL import Image

    pictures, durations = [], []
    for number in range(frames):
        image.seek(number)
        durations.append(max(20, min(10_000, int(image.info.get("duration", 100) or 100))))
        plain = Image.new("RGBA", image.size)
        plain.paste(image.convert("RGBA"))
        plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        pictures.append(plain)
    more: dict[str, Any] = {"GIF": {"disposal": 2}, "WEBP": {"quality": 80, "method": 2}}.get(task, {})
    pictures[0].save(made, task, save_all=True, append_images=pictures[1:], duration=durations, loop=0, **more)
    return pictures[0].copy()


def bound() -> None:
    """Limits before the first of a stranger's bytes is read. Below the server in rank: the class talks meanwhile."""
    os.nice(10)
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 128 * 1024**2),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bounded, bounded))


if __name__ == "__main__":
    bound()
    told: dict[str, Any]
    try:
        task, pixels, *numbers = sys.argv[1:]
        told = {"ok": True} | main(task, *map(int, numbers), max_pixels=int(pixels))
    except Rejected as rejected:
        told = {"ok": False, "why": str(rejected)}
    except MemoryError:
        told = {"ok": False, "why": "memory"}
    except (zipfile.BadZipFile, NotImplementedError):
        told = {"ok": False, "why": "broken"}
    except OSError as fault:
        told = {"ok": False, "why": "disk" if fault.errno in (28, 122) else "broken"}
    sys.stdout.write(json.dumps(told))
