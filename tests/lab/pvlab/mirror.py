# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The Debian mirror this machine already uses, read from its own apt sources (both formats)."""
import pathlib
import re

from .say import LabError

RELEASES = r"(stable|oldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky)"
SUITE = re.compile(RELEASES + r"(-updates|-backports|-security|/updates)?$")


def one_line(text):
    """Entries (types, uris, suites, components) of the one-line format."""
    for line in text.splitlines():
        line = re.sub(r"\[[^]]*\]", "", line.split("#")[0])
        words = line.split()
        if len(words) >= 4 and words[0] in ("deb", "deb-src"):
            yield words[:1], words[1:2], words[2:3], words[3:]


def deb822(text):
    """Entries of the deb822 format; disabled paragraphs are left out."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields, name = {}, None
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and name:
                fields[name] += " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() not in ("no", "false", "off", "0"):
            yield tuple(
                fields.get(k, "").split() for k in ("types", "uris", "suites", "components")
            )


def entries(etc):
    """Every entry under an apt configuration folder."""
    files = [etc / "sources.list"] + sorted((etc / "sources.list.d").glob("*"))
    for path in files:
        if path.is_file() and path.suffix in (".list", ".sources"):
            yield from (deb822 if path.suffix == ".sources" else one_line)(
                path.read_text(errors="replace")
            )


def mirrors(etc=pathlib.Path("/etc/apt")):
    """{"main": URI, "security": URI or None}: where Debian itself comes from on this machine."""
    found = {"main": None, "security": None}
    for types, uris, suites, components in entries(etc):
        debian = [s for s in suites if SUITE.match(s)]
        if "deb" not in types or "main" not in components or not debian or not uris:
            continue
        kind = "security" if re.search("security|/updates", debian[0]) else "main"
        found[kind] = found[kind] or uris[0].rstrip("/")
    if not found["main"]:
        raise LabError(
            f"no Debian archive in the apt sources under {etc}: add a 'deb ... bookworm main' entry"
        )
    return found
