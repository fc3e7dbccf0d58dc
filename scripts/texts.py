#!/usr/bin/env python3
"""Bring the catalogues up to what the pages and scripts say: texts that are new become empty, texts that are gone go.

    scripts/texts.py            # after changing a text; then translate what is empty, and run it again

The compiled form is committed, too: whoever runs chatapp needs no build.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "chatapp"
FOLDER = SOURCE / "translations"
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "lazy_gettext", "_mark", "t", "parts")),
    **dict.fromkeys(("ngettext", "n"), (1, 2)),
}


def template() -> Catalog:
    """Every text that the code says."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = Catalog(fuzzy=False)
    for name, _, text, comments, context in extract_from_dir(str(SOURCE), methods, options, KEYWORDS):
        found.add(text, None, [(name, 1)], auto_comments=comments, context=context)
    return found


def updated(language: str, said: Catalog) -> Catalog:
    """The catalogue of one language with exactly the texts of `said`."""
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        old = read_po(file, locale=language)
    catalogue = Catalog(locale=language, project="chatapp", fuzzy=False, header_comment=f"# chatapp: {language}")
    catalogue.creation_date = catalogue.revision_date = old.creation_date
    for message in said:
        if message.id:
            known = old.get(message.id if isinstance(message.id, str) else message.id[0])
            catalogue.add(
                message.id, known.string if known else None, sorted({(name, 0) for name, _ in message.locations})
            )
    return catalogue


def texts_of(catalogue: Catalog) -> bytes:
    """The catalogue as its file has it: one place a file, no line numbers, so that moving code changes nothing."""
    file = io.BytesIO()
    write_po(file, catalogue, width=0, sort_output=True, omit_header=False, include_lineno=False, ignore_obsolete=True)
    return file.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    said = template()
    for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
        catalogue = updated(folder.name, said)
        (folder / "LC_MESSAGES" / "messages.po").write_bytes(texts_of(catalogue))
        (folder / "LC_MESSAGES" / "messages.mo").write_bytes(compiled(catalogue))
        missing = [message.id for message in catalogue if message.id and not is_complete(message.string)]
        print(f"{folder.name}: {len(catalogue)} texts, {len(missing)} to be translated")
        for text in missing:
            print(f"  {text!r}")


def is_complete(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
