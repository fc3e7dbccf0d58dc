"""Names of files: what may be kept, and what a name becomes."""

from __future__ import annotations

import pytest

from chatapp.contract.errors import Refused
from chatapp.filestore import kinds, names


@pytest.mark.parametrize(
    "name",
    ["a.html", "a.svg", "a.xhtml", "a.js", "a.exe", "a.php", "a.jpg.exe", "a.php.jpg", "a.HTML", "a.svg.png",
     "a.jpg.", "a.jpg ", "a.jpg::$DATA", "a.txt:evil", "CON.txt", "con", "nul.pdf", "LPT1.png", "com¹.txt",
     "photo\u202egnp.exe", "photo\u202e.png", "a.unknown", "a.zip", "a.docm", "a|b.txt", "a?.txt", "..", "...",
     "a.html.txt", "a.phtml", "a.hta", "a.lnk", "a.desktop", "a.jar"],
)  # fmt: skip
def test_a_name_that_leads_somewhere_else_is_not_taken(name: str) -> None:
    with pytest.raises(Refused) as refused:
        names.checked(name)
    assert refused.value.code == "unsupported_media_type"


@pytest.mark.parametrize("name", ["", " ", None, "a/", "x" * 201, "a\0.txt", "a\n.txt", "a\u2028.txt", "a\ud800.txt"])
def test_what_is_no_name_is_invalid(name: str | None) -> None:
    with pytest.raises(Refused) as refused:
        names.checked(name)
    assert refused.value.code == "invalid_payload"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.txt", "a.txt"),
        ("C:\\fakepath\\a.txt", "a.txt"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("Arbeitsblatt 3 (neu).final.PDF", "Arbeitsblatt 3 (neu).final.PDF"),
        ("Fu\u0308r alle.pdf", "Für alle.pdf"),
        ("漢字.png", "漢字.png"),
        ("<script>alert(1)</script>.txt", None),
        ("image", "image"),
        (".txt", ".txt"),
        ("console.txt", "console.txt"),
        ("v1.2 report.pdf", "v1.2 report.pdf"),
    ],
)
def test_a_good_name_is_kept_without_its_path(sent: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Refused):
            names.checked(sent)
    else:
        assert names.checked(sent) == kept


@pytest.mark.parametrize(
    ("name", "kind", "fits"),
    [
        ("a.png", kinds.PNG, "a.png"),
        ("a.JPEG", kinds.JPEG, "a.JPEG"),
        ("a.jpg", kinds.PNG, "a.png"),
        ("image", kinds.PNG, "image.png"),
        ("report.txt", kinds.PDF, "report.pdf"),
        (".txt", kinds.TEXT, ".txt.txt"),
        ("notes.md", kinds.TEXT, "notes.md"),
    ],
)
def test_a_suffix_says_what_the_content_is(name: str, kind: kinds.Kind, fits: str) -> None:
    assert names.fitting(name, kind) == fits
