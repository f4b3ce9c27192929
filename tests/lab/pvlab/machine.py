# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A running lab machine: QEMU with Xen and dom0, and the line over which the host sends it
scripts."""
import json
import select
import shutil
import socket
import time

from . import proc, qemu
from .paths import LAB
from .say import LabError, Silence, say


class Result:
    """What a script in dom0 or in a guest came to."""

    def __init__(self, status, out):
        self.status, self.out = status, out


class Machine:
    """Starts on entering, is gone after leaving, whatever happened in between."""

    def __init__(
        self, dom0, folder, clock="real", guest_mib=320, disk_mib=256, plugin=None, spare_mib=0
    ):
        self.dom0, self.folder, self.clock = dom0, folder, clock
        # spare: for an image of the guest in dom0 and for a second guest while one migrates
        self.guest_mib, self.dom0_mib, self.plugin = (
            guest_mib + spare_mib,
            768 + disk_mib + spare_mib,
            plugin,
        )
        self.job = folder / "job"
        self.process, self.control, self.terminal = None, None, None
        self._pending, self._replies, self._next = b"", {}, 1

    def __enter__(self):
        say(
            f"starting Xen {self.dom0.version} and dom0 ({self.clock} clock), logs in {self.folder}"
        )
        shutil.copytree(LAB / "dom0", self.job / "dom0")
        try:
            self._start()
            self._wait(0, 120, "dom0's toolstack")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        say("dom0's toolstack is up")
        return self

    def _start(self):
        self.control, control_child = socket.socketpair()
        self.terminal, terminal_child = socket.socketpair()
        ports = {"pvlab": control_child.fileno(), "shell": terminal_child.fileno()}
        words = qemu.command(
            self.clock,
            self.dom0,
            self.job,
            self.dom0_mib,
            self.guest_mib,
            self.folder / "xen-and-dom0.log",
            ports,
            self.plugin,
        )
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = proc.start(words, stdout=log, stderr=log, pass_fds=ports.values())
        control_child.close()
        terminal_child.close()

    def stop(self):
        """End QEMU now; a counter writes its last block on the way out."""
        if self.process and self.process.poll() is None:
            proc.stop(self.process)

    def __exit__(self, *_):
        self.stop()
        for sock in (self.control, self.terminal):
            if sock:
                sock.close()

    def _send(self, message):
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def submit(self, script, **more):
        """Send a script and return the ticket to collect it with."""
        ticket, self._next = self._next, self._next + 1
        self._send({"id": ticket, "script": script, **more})
        return ticket

    def collect(self, ticket, timeout, what):
        """The Result of a ticket."""
        reply = self._wait(ticket, timeout, what)
        return Result(reply["rc"], reply["out"])

    def _wait(self, ticket, timeout, what):
        """Read replies until that of `ticket` is there. The limit is in the host's time: guests'
        clocks may lie."""
        limit = time.monotonic() + timeout
        while ticket not in self._replies:
            left = limit - time.monotonic()
            if left <= 0:
                raise Silence(f"{what}: no answer after {timeout} s", self.folder)
            if not select.select([self.control], [], [], min(left, 1))[0]:
                self._check_alive(what)
                continue
            data = self.control.recv(65536)
            if not data:
                self._check_alive(what, ended=True)
            *lines, self._pending = (self._pending + data).split(b"\n")
            for line in lines:
                reply = json.loads(line)
                self._replies[reply["id"]] = reply
        return self._replies.pop(ticket)

    def _check_alive(self, what, ended=False):
        if ended or self.process.poll() is not None:
            raise LabError(f"{what}: the machine ended by itself", self.folder)

    def dom0_sh(self, script, timeout=60, check=True, what=None):
        """Run a script in dom0."""
        what = what or f"dom0: {script.strip().splitlines()[0][:60]}"
        result = self.collect(self.submit(script), timeout, what)
        if check and result.status:
            raise LabError(
                f"{what}: status {result.status}\n{result.out.strip()[-2000:]}", self.folder
            )
        return result

    def console(self, domain):
        """Ask dom0 to join the console of a domain with the terminal socket."""
        self._send({"id": -1, "op": "console", "domain": domain})
