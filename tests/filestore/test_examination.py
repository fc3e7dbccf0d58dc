"""Looking into files: pictures made anew, packages by their directory, and bounds that hold."""

from __future__ import annotations

import copy
import io
import os
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from chatapp.contract.errors import Refused
from chatapp.filestore import examination, kinds
from chatapp.filestore.examination import KEEP_SECONDS, Examiner
from chatapp.filestore.examiner import CPU_SECONDS
from chatapp.filestore.patience import ANSWER_SECONDS, Patience
from tests.support import samples

pytestmark = pytest.mark.service

EXAMINER = Examiner(max_pixels=1_000_000)


@dataclass(frozen=True)
class Made:
    """A picture made anew, and its thumbnail."""

    size: tuple[int, int]
    content: bytes
    small: bytes

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.content))


@pytest.fixture
def files() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def holding(files: ExitStack, content: bytes = b"") -> int:
    file = tempfile.TemporaryFile()  # noqa: SIM115 — closed by the stack
    files.callback(file.close)
    file.write(content)
    file.flush()
    return file.fileno()


def patience(seconds: float = 60.0) -> Patience:
    """So many seconds for the examiner alone, from now on."""
    begun = Patience(seconds + KEEP_SECONDS)
    begun.begin()
    return begun


def anew(
    files: ExitStack, content: bytes, kind: kinds.Kind, examiner: Examiner = EXAMINER, seconds: float = 60.0
) -> Made:
    source, made, small = holding(files, content), holding(files), holding(files)
    found = examiner.picture(patience(seconds), kind, source, made, small)
    whole, thumbnail = (os.pread(number, 10**7, 0) for number in (made, small))
    return Made((found.width, found.height), whole, thumbnail)


def _examined(files: ExitStack, content: bytes, kind: kinds.Kind | None, seconds: float) -> None:
    if kind is None:
        EXAMINER.package(patience(seconds), holding(files, content))
    else:
        anew(files, content, kind, seconds=seconds)


def refusal(files: ExitStack, content: bytes, kind: kinds.Kind | None = None, seconds: float = 60.0) -> str:
    with pytest.raises(Refused) as refused:
        _examined(files, content, kind, seconds)
    return str(refused.value.code)


def test_a_photo_loses_where_it_was_taken_and_stands_upright(files: ExitStack) -> None:
    photo = samples.photo(orientation=6)
    assert b"SpyPhone" in photo and b"taken at home" in photo
    made = anew(files, photo, kinds.JPEG)
    assert made.size == (48, 64) == made.image.size
    assert not made.image.getexif() and made.image.format == "JPEG"
    for trace in (b"SpyPhone", b"Exif", b"taken at home", b"http://ns.adobe.com"):
        assert trace not in made.content and trace not in made.small
    assert Image.open(io.BytesIO(made.small)).format == "WEBP"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (kinds.PNG, samples.picture("PNG")),
        (kinds.GIF, samples.picture("GIF")),
        (kinds.WEBP, samples.picture("WEBP")),
        (kinds.JPEG, samples.picture("JPEG")),
    ],
)
def test_every_format_is_made_anew_in_itself(files: ExitStack, kind: kinds.Kind, content: bytes) -> None:
    made = anew(files, content + b"<script>alert(1)</script>PK\x03\x04", kind)
    assert made.size == (64, 48) and f"image/{made.image.format}".lower() == kind.media_type
    assert b"script" not in made.content and b"PK" not in made.content


@pytest.mark.parametrize(("name", "kind"), [("GIF", kinds.GIF), ("WEBP", kinds.WEBP), ("PNG", kinds.PNG)])
def test_a_picture_that_moves_goes_on_moving(files: ExitStack, name: str, kind: kinds.Kind) -> None:
    made = anew(files, samples.moving(name), kind)
    assert len(list(ImageSequence.Iterator(made.image))) == 3 and made.size == (32, 24)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_mode_of_pixels_can_be_read(files: ExitStack, mode: str) -> None:
    kind = kinds.JPEG if mode == "CMYK" else kinds.PNG
    source = Image.new("L", (40, 30), 200)
    file = io.BytesIO()
    image = Image.new("I;16", (40, 30), 200 * 257) if mode == "I;16" else source.convert(mode)
    image.save(file, "JPEG" if mode == "CMYK" else "PNG")
    made = anew(files, file.getvalue(), kind)
    grey = made.image.convert("L").getpixel((5, 5))
    assert grey in {"1": (0, 255)}.get(mode, range(185, 216))


def test_a_large_picture_is_made_smaller(files: ExitStack) -> None:
    made = anew(files, samples.picture("JPEG", (8000, 100)), kinds.JPEG)
    assert max(made.size) <= 4096 and max(Image.open(io.BytesIO(made.small)).size) <= 480


def test_a_picture_of_too_many_pixels_is_too_large(files: ExitStack) -> None:
    assert refusal(files, samples.picture("PNG", (1001, 1000)), kinds.PNG) == "too_large"
    assert refusal(files, samples.moving("GIF", 30, (200, 200)), kinds.GIF) == "too_large"


def claiming(width: int, height: int) -> bytes:
    """A PNG whose header promises more than its data holds."""
    head = b"IHDR" + struct.pack("!IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = b"".join(
        struct.pack("!I", len(each) - 4) + each + struct.pack("!I", zlib.crc32(each)) for each in (head, data, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    "content",
    [samples.picture("PNG")[:100], samples.photo()[:400], claiming(900, 900), claiming(0, 0), b"\x89PNG\r\n\x1a\n",
     b"GIF89a" + bytes(20), b"RIFF\x10\0\0\0WEBPVP8 ", b"GIF89a/*" + bytes(20) + b"*/=alert(1)"],
)  # fmt: skip
def test_a_broken_picture_is_not_taken(files: ExitStack, content: bytes) -> None:
    kind = {b"\x89P": kinds.PNG, b"\xff\xd8": kinds.JPEG, b"GI": kinds.GIF, b"RI": kinds.WEBP}[content[:2]]
    assert refusal(files, content, kind) == "unsupported_media_type"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (samples.office(), kinds.DOCX),
        (samples.office("xl/workbook.xml"), kinds.XLSX),
        (samples.office("ppt/presentation.xml", {"ppt/embeddings/Sheet1.xlsx": b"x"}), kinds.PPTX),
        (samples.open_document("text"), kinds.ODT),
        (samples.open_document("spreadsheet"), kinds.ODS),
        (samples.open_document("presentation"), kinds.ODP),
        (samples.open_document("graphics"), kinds.ODG),
        (samples.office(more={"word/empty.xml": bytes(900_000)}), None),
    ],
)
def test_a_package_is_what_its_directory_says(files: ExitStack, content: bytes, kind: kinds.Kind | None) -> None:
    if kind is None:
        assert refusal(files, content) == "unsupported_media_type"
    else:
        assert EXAMINER.package(patience(), holding(files, content)) is kind


def overlapping() -> bytes:
    """Members of one archive that share their bytes, as a bomb does that unpacks by the petabyte."""
    file = io.BytesIO(samples.office(more={"word/a.xml": os.urandom(40_000)}))
    with zipfile.ZipFile(file, "a") as archive:
        one = archive.getinfo("word/a.xml")
        for number in range(3):
            again = copy.copy(one)
            again.filename = again.orig_filename = f"word/{number}.xml"
            archive.filelist.append(again)
        archive.writestr("word/last.xml", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        samples.package({"a.txt": b"x"}),
        samples.package({"index.html": b"x", "META-INF/MANIFEST.MF": b"x"}),
        samples.office(more={"word/inner.zip": b"PK"}),
        samples.office(more={"word/inner.docx": b"PK"}),
        samples.office(more={"word/embeddings/run.exe": b"MZ"}),
        samples.office(more={"word/vbaProject.bin": b"x"}),
        samples.office(more={"xl/workbook.xml": b"two of them"}),
        samples.office(more={"/etc/passwd": b"x"}),
        samples.office(more={"../../x": b"x"}),
        samples.office(more={"word/media/zeros.bin2": bytes(40 * 1024 * 1024)}),
        samples.package(
            {"[Content_Types].xml": b"<T/>", "word/document.xml": b"<w/>", "word/link": b"/etc/passwd"},
            links=["word/link"],
        ),
        samples.package({"mimetype": b"application/epub+zip"}, stored=["mimetype"]),
        samples.package({"mimetype": b"application/vnd.oasis.opendocument.base"}, stored=["mimetype"]),
        samples.office(more={f"word/{n}.xml": b"" for n in range(5001)}),
        samples.office()[:-10],
        b"PK\x03\x04" + bytes(100),
        overlapping(),
    ],
    ids=lambda content: f"{len(content)}",
)
def test_a_package_that_is_more_than_it_seems_is_not_taken(files: ExitStack, content: bytes) -> None:
    assert refusal(files, content) == "unsupported_media_type"


def test_members_that_share_their_bytes_are_seen_by_their_sum(files: ExitStack) -> None:
    with zipfile.ZipFile(io.BytesIO(overlapping())) as archive:
        assert len(archive.namelist()) == 8
    with pytest.raises(Refused, match="unpacks to far more"):
        EXAMINER.package(patience(), holding(files, overlapping()))


def run_with(code: str) -> subprocess.CompletedProcess[str]:
    folder = Path(examination.SCRIPT).parent
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); import examiner; examiner.bound()\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


def test_the_examiner_has_no_more_memory_than_it_should() -> None:
    assert "MemoryError" in run_with("bytes(2 * 1024**3)").stderr
    assert run_with("bytes(64 * 1024**2)").returncode == 0


def test_an_examiner_that_dies_is_a_refusal(files: ExitStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(examination, "SCRIPT", script)
    assert refusal(files, samples.picture(), kinds.PNG) == "unsupported_media_type"


def test_an_examiner_that_does_not_end_is_ended(
    files: ExitStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "waits.py"
    script.write_text(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    monkeypatch.setattr(examination, "SCRIPT", script)
    assert refusal(files, samples.picture(), kinds.PNG, seconds=1.0) == "unavailable"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_picture_that_takes_too_much_reading_is_refused_for_good(
    files: ExitStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "works.py"
    script.write_text("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass")
    monkeypatch.setattr(examination, "SCRIPT", script)
    assert refusal(files, samples.picture(), kinds.PNG) == "unsupported_media_type"
    assert CPU_SECONDS + KEEP_SECONDS < ANSWER_SECONDS < 10


def test_who_waits_in_line_is_told_in_time_to_come_again(files: ExitStack) -> None:
    busy = Examiner(max_pixels=1_000_000, slots=1)
    assert busy._slots.acquire(blocking=False)
    begun = time.monotonic()
    with pytest.raises(Refused) as refused:
        anew(files, samples.picture(), kinds.PNG, busy, seconds=0.3)
    assert (refused.value.code, refused.value.retryable) == ("unavailable", True) and refused.value.retry_after
    assert 0.3 <= time.monotonic() - begun < 5
    busy._slots.release()
    assert anew(files, samples.picture(), kinds.PNG, busy).image.format == "PNG"


def test_the_examiner_sees_nothing_of_the_servers_secrets(
    files: ExitStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "looks.py"
    seen = tmp_path / "seen"
    script.write_text(
        f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)) + repr(os.listdir('/proc/self/fd')))"
    )
    monkeypatch.setattr(examination, "SCRIPT", script)
    monkeypatch.setenv("SECRET_KEY", "a-secret")
    refusal(files, samples.picture(), kinds.PNG)
    assert "a-secret" not in seen.read_text()
