"""What a file is, by its content."""

from __future__ import annotations

import io

import pytest

from chatapp.contract.errors import Refused
from chatapp.filestore.sniffing import kind_of
from tests.support import samples

GOOD = {
    "image/png": samples.picture("PNG"),
    "image/jpeg": samples.photo(),
    "image/gif": samples.picture("GIF"),
    "image/webp": samples.picture("WEBP"),
    "application/pdf": samples.PDF,
    "audio/wav": samples.sound(),
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0" + bytes(200),
    "audio/mp4": samples.media(b"M4A "),
    "video/mp4": samples.media(b"isom"),
    "video/quicktime": samples.media(b"qt  "),
    "video/3gpp": samples.media(b"3gp4"),
    "video/webm": samples.WEBM,
    "audio/ogg": samples.OGG % b"OpusHead",
    "video/ogg": samples.OGG % b"theora",
    "audio/flac": b"fLaC\0\0\0\x22" + bytes(100),
    "application/msword": samples.OLE,
    "application/rtf": b"{\\rtf1\\ansi hello}",
    "text/plain": b"Hello, this is a text.\r\n\tIt has lines.\n",
}


@pytest.mark.parametrize("media_type", GOOD)
def test_each_kind_is_known_by_its_content(media_type: str) -> None:
    assert kind_of(io.BytesIO(GOOD[media_type]), suffix="").media_type == media_type


@pytest.mark.parametrize(
    "text",
    ["Für alle: 5 € 👩‍👧 漢字".encode(), "\ufeffWith a mark".encode(), "Für alle".encode("cp1252"),
     "Für".encode("utf-16"), b"BMW and MZ and ID3", b"a < b, and b > c",
     b'{"json": true}', b"a;b\n1;2\n", b"x" * 300_000],
)  # fmt: skip
def test_texts_are_texts_in_every_encoding_that_classes_use(text: bytes) -> None:
    assert kind_of(io.BytesIO(text), suffix="exe").media_type == "text/plain"


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html><script>alert(1)</script></html>",
        b"\n\n  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?><svg/>",
        "\ufeff<script>alert(1)</script>".encode("utf-16-le"),
        b"<?php system($_GET[0]);",
        b"<%@ page %>",
        b"#!/bin/sh\nrm -rf /",
        b"MZ" + bytes(200),
        b"MZ" + bytes(200) + b"%%EOF",
        b"\x7fELF" + bytes(200),
        b"",
        b"\0" * 100,
        b"text for a long while " * 5000 + b"\0 and then not",
        b"good text " * 8000 + b"\xff\xfe",
        samples.media(b"heic"),
        b"BM" + bytes(100),
        b"7z\xbc\xaf\x27\x1c" + bytes(100),
        b"\x1f\x8b\x08" + bytes(100),
        b"CWS\x09" + bytes(100),
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_everything_else_is_not_taken(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        kind_of(io.BytesIO(content), suffix="txt")
    assert refused.value.code == "unsupported_media_type"


def test_the_name_decides_between_the_old_office_formats_alone() -> None:
    assert kind_of(io.BytesIO(samples.OLE), suffix="xls").media_type == "application/vnd.ms-excel"
    assert kind_of(io.BytesIO(samples.PDF), suffix="xls").media_type == "application/pdf"
