"""Small files of each kind, good ones and nasty ones, made here: no test carries a stranger's bytes."""

from __future__ import annotations

import io
import stat
import wave
import zipfile
from collections.abc import Iterable
from typing import Any

from PIL import Image

ISO_MEDIA = b"\0\0\0\x18ftyp%s\0\0\0\0%sisom" + b"\0" * 100
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The string that every scanner must know, in two halves: this file itself shall not be found."""


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A picture with a gradient, so that it has something to lose."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(size: tuple[int, int] = (64, 48), orientation: int = 1) -> bytes:
    """A JPEG as a phone makes it: with the place where it was taken, the phone's name, and how it was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SpyPhone"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return picture("JPEG", size, exif=exif, comment=b"taken at home")


def moving(kind: str = "GIF", frames: int = 3, size: tuple[int, int] = (32, 24)) -> bytes:
    """A picture that moves."""
    images = [Image.new("RGB", size, (80 * n % 256, 40, 200)) for n in range(frames)]
    file = io.BytesIO()
    images[0].save(file, kind, save_all=True, append_images=images[1:], duration=100, loop=0)
    return file.getvalue()


def package(members: dict[str, bytes], *, links: Iterable[str] = (), stored: Iterable[str] = ()) -> bytes:
    """A ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            if name in links:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, content)
    return file.getvalue()


def office(main: str = "word/document.xml", more: dict[str, bytes] | None = None) -> bytes:
    """An office file of today; `more` are further members."""
    usual = {"[Content_Types].xml": b"<Types/>", "_rels/.rels": b"<Relationships/>", main: b"<w/>"}
    return package(usual | (more or {}))


def open_document(kind: str = "text") -> bytes:
    """An OpenDocument file."""
    mimetype = f"application/vnd.oasis.opendocument.{kind}".encode()
    return package({"mimetype": mimetype, "content.xml": b"<office/>"}, stored=["mimetype"])


def sound() -> bytes:
    """A second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(bytes(16000))
    return file.getvalue()


def media(brand: bytes) -> bytes:
    """The beginning of an MP4 and its kin."""
    return ISO_MEDIA % (brand, brand)


WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm" + bytes(
    100
)
OGG = b"OggS\0\x02" + bytes(20) + b"\x01\x1e%s" + bytes(100)
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
