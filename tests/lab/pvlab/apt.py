# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A private apt per Debian suite: own lists and an empty dpkg status, so that closures do not
depend on this machine.

apt itself checks the signature of the index and the SHA256 of every package against it."""
import json
import re
import shutil
import time

from . import mirror, proc
from .paths import cache, locked
from .say import LabError, say
from .store import key_of

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FRESH = 24 * 3600  # indexes older than a day are fetched again
SUITES = {
    "bookworm": ["bookworm"],
    "bookworm-backports": ["bookworm", "bookworm-backports"],
    "trixie": ["trixie"],
}


def sources(suite, found):
    """The private sources.list of one suite."""
    lines = []
    for name in SUITES[suite]:
        pairs = [(found["main"], name)]
        if "-" not in name:
            pairs += [(found["main"], name + "-updates"), (found["security"], name + "-security")]
        for uri, dist in pairs:
            if uri:
                lines += [
                    f"{kind} [signed-by={KEYRING}] {uri} {dist} main" for kind in ("deb", "deb-src")
                ]
    return "\n".join(lines) + "\n"


class Apt:
    """One suite's private apt."""

    def __init__(self, suite):
        self.suite = suite
        self.root = cache("apt", suite, "lists").parent
        self.debs = cache("debs", "x").parent
        for folder in ("lists/partial", "archives/partial", "prefs", "empty"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        self._configure()

    def _configure(self):
        """The machine's own apt.conf (proxies and the like) is kept, its hooks and sources are
        not."""
        text = sources(self.suite, mirror.mirrors())
        old = self.root / "sources.list"
        if not old.exists() or old.read_text() != text:
            old.write_text(text)
            (self.root / "updated").unlink(missing_ok=True)
        places = {
            "State": self.root,
            "State::lists": self.root / "lists",
            "State::status": self.root / "status",
            "Cache": self.root,
            "Cache::archives": self.root / "archives",
            "Etc::sourcelist": old,
            "Etc::sourceparts": self.root / "empty",
            "Etc::preferencesparts": self.root / "prefs",
        }
        hooks = (
            "APT::Update::Post-Invoke",
            "APT::Update::Post-Invoke-Success",
            "APT::Update::Pre-Invoke",
            "DPkg::Post-Invoke",
            "DPkg::Pre-Install-Pkgs",
            "Acquire::IndexTargets::deb::Contents-deb",
        )
        conf = [f"#clear {name};" for name in hooks] + [
            f'Dir::{k} "{v}";' for k, v in places.items()
        ]
        conf += [
            'APT::Architecture "amd64";',
            'APT::Sandbox::User "root";',
            'Acquire::Languages "none";',
            'APT::Install-Recommends "false";',
            'Acquire::Retries "3";',
        ]
        if "backports" in self.suite:
            conf.append(f'APT::Default-Release "{self.suite}";')
        (self.root / "apt.conf").write_text("\n".join(conf) + "\n")

    def call(self, tool, *arguments, **options):
        """Run an apt tool against the private state."""
        return proc.run([tool, "-c", self.root / "apt.conf", *arguments], **options)

    def update(self):
        """Fetch the signed indexes when they are missing or a day old; old ones serve when
        offline."""
        stamp = self.root / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < FRESH:
            return
        with locked(self.root / "lock", f"package index of {self.suite}"):
            if stamp.exists() and time.time() - stamp.stat().st_mtime < FRESH:
                return
            say(f"fetching the package index of {self.suite} ...")
            try:
                self.call("apt-get", "update", "--error-on=any", "-q")
            except LabError:
                if not stamp.exists():
                    raise
                say(
                    f"the index of {self.suite} cannot be refreshed, using the one of "
                    f"{time.ctime(stamp.stat().st_mtime)}"
                )
            shutil.rmtree(self.root / "memo", ignore_errors=True)
            stamp.touch()

    def memo(self, name, compute):
        """Answers of apt, kept until the next update: each costs a second."""
        path = self.root / "memo" / key_of(name)
        self.update()
        if not path.exists():
            value = compute()
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(value))
        return json.loads(path.read_text())

    def closure(self, *packages):
        """[[name, version]] of the packages and all they depend on, from an empty system."""

        def compute():
            out = self.call("apt-get", "install", "-s", "-y", "-q", *packages)
            return re.findall(r"^Inst (\S+) \((\S+) ", out, re.M)

        return self.memo(["closure", *packages], compute)

    def depends(self, package):
        """Names of the direct dependencies of a package."""

        def compute():
            out = self.call("apt-cache", "depends", "--important", package)
            return re.findall(r"Depends: ([^\s<>]+)", out)

        return self.memo(["depends", package], compute)

    def version(self, package):
        """The candidate version of a package."""

        def compute():
            out = self.call("apt-cache", "policy", package)
            return re.findall(r"Candidate: (\S+)", out)

        found = self.memo(["version", package], compute)
        if not found or found[0] == "(none)":
            raise LabError(f"no package {package} in {self.suite}")
        return found[0]

    def fetch(self, packages):
        """Paths of the .deb files of [[name, version]], downloading and checking those not yet
        here."""
        paths = {
            self.debs / f"{n.split(':')[0]}_{v.replace(':', '%3a')}.deb": f"{n}={v}"
            for n, v in packages
        }
        missing = [p for p in paths if not p.exists()]
        if missing:
            with locked(self.root / "fetch.lock", f"downloads of {self.suite}"):
                if missing := [p for p in missing if not p.exists()]:
                    self._download([(p, paths[p]) for p in missing])
        return list(paths)

    def _download(self, wanted):
        """One apt-get download for all; a file gets its lasting name only after apt has checked
        it."""
        work = self.root / "incoming"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        say(f"fetching {len(wanted)} packages of {self.suite} ...")
        self.call("apt-get", "download", "-q", *[spec for _, spec in wanted], cwd=work, timeout=900)
        arrived = {re.sub(r"_[^_]+\.deb$", ".deb", p.name): p for p in work.glob("*.deb")}
        for path, spec in wanted:
            if path.name not in arrived:
                raise LabError(f"apt did not deliver {spec}")
            arrived[path.name].rename(path)
