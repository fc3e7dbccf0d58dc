"""What a browser calls itself, in words that its user knows. For showing only: anybody can call themselves anything."""

from __future__ import annotations

BROWSERS = (
    # What it says, what it is. Nearly all of them say Safari, and many say Chrome.
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def parts(device: str) -> dict[str, str]:
    """`{browser, system}`, each empty where it is not known."""
    return {"browser": _first(BROWSERS, device), "system": _first(SYSTEMS, device)}


def _first(names: tuple[tuple[str, str], ...], device: str) -> str:
    return next((name for sign, name in names if sign in device), "")
