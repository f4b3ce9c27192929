# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""fio in a guest, writing and verifying round after round on its own while something happens to its
disk."""
import time

from .say import LabError

FOLDER = "/tmp/busy"
TRIES = 5  # until all is still


class Busy:
    """Starts on entering, must have stopped well on leaving; guest/busy.sh does the work."""

    def __init__(self, guest, disk, offset_mib=0, mib=8, depth=32):
        self.guest, self.disk, self.stopped = guest, disk, False
        self.words = f"{FOLDER} /dev/{disk} {offset_mib} {mib} {depth}"

    def __enter__(self):
        self.start()
        return self

    def start(self):
        """Begin, and wait until requests complete."""
        self.guest.sh(
            f"rm -rf {FOLDER}; setsid sh /lab/busy.sh {self.words} < /dev/null > /dev/null 2>&1 &",
            what=f"{self.guest.kind}: starting fio",
        )
        self.await_requests(0)

    def __exit__(self, kind, *_):
        if kind is None and not self.stopped:
            self.stop()

    def state(self):
        """(rounds done, fio's status once it has ended, requests that the disk has completed)."""
        script = (
            f"cat {FOLDER}/rounds 2>/dev/null || echo 0; cat {FOLDER}/ended 2>/dev/null || echo -; "
            f"awk '{{print $1 + $5}}' /sys/block/{self.disk}/stat 2>/dev/null || echo 0"
        )
        rounds, ended, requests = self.guest.sh(
            script, what=f"{self.guest.kind}: how far is fio", patience=60
        ).out.split()
        return int(rounds), None if ended == "-" else int(ended), int(requests)

    def running(self):
        """As state, without the status: it must not have ended."""
        rounds, ended, requests = self.state()
        if ended is not None:
            self._ended(ended)
        return rounds, requests

    def _ended(self, status):
        log = self.guest.sh(
            f"grep -m4 -i 'verify:\\|io_u error\\|err=' {FOLDER}/fio.log || tail -c 1500 "
            f"{FOLDER}/fio.log",
            check=False,
        ).out.strip()
        raise LabError(
            f"{self.guest.kind}: fio ended with status {status}:\n{log}", self.guest.machine.folder
        )

    def _until(self, done, seconds, what):
        """Ask until `done(rounds, requests)`."""
        limit = time.monotonic() + seconds
        while not done(*(now := self.running())):
            if time.monotonic() > limit:
                raise LabError(
                    f"{self.guest.kind}: {what} for {seconds} s: "
                    f"{now[0]} rounds, {now[1]} requests",
                    self.guest.machine.folder,
                )
            time.sleep(0.2)
        return now

    def await_requests(self, count=100, seconds=60):
        """Wait until the disk has completed so many more requests."""
        begin = self.running()[1]
        return self._until(lambda _, requests: requests > begin + count, seconds, "no I/O went on")

    def await_rounds(self, count=1, seconds=180):
        """Wait until so many more rounds have been verified; the first to end may have begun long
        ago."""
        begin = self.running()[0]
        return self._until(
            lambda rounds, _: rounds >= begin + count, seconds, "no round was verified"
        )[0]

    def held(self, seconds=1.0):
        """No request completes and fio has not ended: the disk holds its I/O. Some answers may
        still be on their way at first."""
        before = self.running()[1]
        for _ in range(TRIES):
            time.sleep(seconds)
            after = self.running()[1]
            if before == after:
                return
            before = after
        raise LabError(
            f"{self.guest.kind}: requests go on without a backend", self.guest.machine.folder
        )

    def stop(self, seconds=180):
        """Let the running round end; returns the number of rounds, all of which must be right."""
        self.guest.sh(f"touch {FOLDER}/stop", patience=60)
        rounds, status = self.end(seconds)
        self.stopped = True
        if status:
            self._ended(status)
        return rounds

    def end(self, seconds=60):
        """Wait until fio has ended by itself or by a stop: (rounds, status)."""
        limit = time.monotonic() + seconds
        while (now := self.state())[1] is None:
            if time.monotonic() > limit:
                raise LabError(
                    f"{self.guest.kind}: fio has not ended within {seconds} s",
                    self.guest.machine.folder,
                )
            time.sleep(0.2)
        return now[0], now[1]
