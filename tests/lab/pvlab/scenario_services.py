# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-services: clock, time of day, console, balloon, sysrq and watchdog of a guest whose only Xen
support is pvkit.ko."""
import time

from . import kernel_log, moves, tools
from .say import LabError, about, say
from .scenario_cycles import quiet_kernel

CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0"
SMALLER_MIB = 64  # the balloon takes so much
TOO_SMALL_MIB = 24  # and is asked for nearly everything
AWAY = 15  # seconds that the guest lies in an image
TICK = 0.05  # seconds: /proc/uptime has hundredths, and a little for the clocks themselves
BITES = 30  # seconds that a watchdog waits whom nobody feeds
BURST = 20000  # bytes in one write: ten times what the console's ring holds


def own_services(bench):
    """clocksource, time of day after a restore, hvc0 both ways, balloon down, up and out of reach,
    sysrq, watchdog, a poweroff that is refused"""
    tools.bring(bench)
    bench.driver.load()
    seen = {}
    for service in (clock, console, sysrq, watchdog, balloon, refused, time_of_day):
        say(f"{bench.guest.kind.upper()}: {about(service)}")
        seen[service.__name__] = service(bench)
    neglect(bench)
    bench.driver.unload()  # while its clock is the current one
    quiet_kernel(bench)
    time.sleep(BITES)
    bench.guest.sh("true", what="after the time in which a forgotten watchdog bites")
    return {"services": seen}


def uptime(side):
    """Seconds by the clock of that side, guest or dom0."""
    return float(side("cut -d' ' -f1 /proc/uptime").out)


def reading(bench):
    """The guest's clock between two looks at dom0's, as long as the guest took to answer."""
    return [uptime(side) for side in (bench.machine.dom0_sh, bench.guest.sh, bench.machine.dom0_sh)]


def clock(bench):
    """pvkit's clocksource keeps dom0's time"""
    bench.guest.sh(
        f"echo pvkit > {CLOCKSOURCE}/current_clocksource && grep -qx pvkit "
        f"{CLOCKSOURCE}/current_clocksource"
    )
    first = reading(bench)
    time.sleep(10)
    last = reading(bench)
    least, inner, most = last[0] - first[2], last[1] - first[1], last[2] - first[0]
    if not least - TICK <= inner <= most + TICK:
        bench.fail(
            f"in {least:.2f} to {most:.2f} s of dom0 the guest's clock went on by {inner:.2f} s"
        )
    return {
        "dom0_seconds_least": round(least, 2),
        "dom0_seconds_most": round(most, 2),
        "guest_seconds": round(inner, 2),
    }


def console(bench):
    """hvc0 carries lines both ways, and a burst"""
    log = bench.machine.job / "log" / "console" / f"guest-{bench.guest.kind}.log"
    bench.guest.sh(
        "stty -F /dev/hvc0 -echo 2> /dev/null; echo from-the-guest-$((6 * 7)) > /dev/hvc0"
    )
    until(
        bench,
        lambda: log.is_file() and "from-the-guest-42" in log.read_text(errors="replace"),
        "the console daemon saw nothing",
    )
    ticket = bench.guest.submit("timeout 60 head -n 1 < /dev/hvc0")
    time.sleep(2)
    bench.machine.dom0_sh(
        f"echo from-dom0 > $(xenstore-read /local/domain/{bench.guest.domid}/console/tty)"
    )
    line = bench.machine.collect(ticket, 90, "reading hvc0").out.strip()
    if line != "from-dom0":
        bench.fail(f"hvc0 gave {line!r}")
    burst(bench, log)
    return {"in": line, "burst_bytes": BURST}


def burst(bench, log):
    """One write of much more than the ring holds: the writer sleeps and is woken, again and
    again."""
    first, last = 10000, 10000 + BURST // 6 + 1  # six bytes each
    whole = ",".join(map(str, range(first, last + 1)))[:BURST]
    bench.guest.sh(
        f"seq -s , {first} {last} | head -c {BURST} > /tmp/burst && timeout 60 dd if=/tmp/burst "
        f"of=/dev/hvc0 bs={BURST} 2> /tmp/burst.err || "
        "{ cat /tmp/burst.err; exit 1; }",
        90,
        what=f"{bench.guest.kind}: writing {BURST} bytes to hvc0 in one go",
    )
    until(
        bench,
        lambda: whole in log.read_text(errors="replace"),
        f"the {BURST} bytes of one write are not whole in dom0",
    )


def sysrq(bench):
    """a key from the toolstack"""
    bench.guest.sh("echo 1 > /proc/sys/kernel/sysrq")
    bench.machine.dom0_sh(f"xl sysrq {bench.guest.kind} s")
    until(bench, lambda: syncs(bench) > 0, "no sysrq came")
    offered = bench.guest.sh(
        "xenstore-read control/feature-poweroff control/feature-reboot control/feature-suspend"
    ).out.split()
    if offered != ["1", "1", "1"]:
        bench.fail(f"control/feature-*: {offered}")
    return {"key": "s"}


def syncs(bench):
    """How often the guest's log says that a key asked for one; an answer that is no number says
    nothing."""
    said = bench.guest.sh("dmesg | grep -c 'sysrq: Emergency Sync'", check=False).out.strip()
    return int(said) if said.isdecimal() else 0


def watchdog(bench):
    """Xen's watchdog, fed for longer than it bites, then stopped"""
    bench.guest.sh(
        "[ -c /dev/watchdog0 ] && { timeout 12 watchdog -F -T 4 -t 1 /dev/watchdog0; [ $? = 143 -o "
        "$? = 124 -o $? = 0 ]; } && sleep 6",
        what="feeding the watchdog",
    )
    return {"bites_after_s": 4, "fed_for_s": 12}


def neglect(bench):
    """A watchdog is closed without being stopped: who takes its driver away stops it."""
    bench.guest.sh(f"timeout 3 watchdog -F -T {BITES} -t 1 /dev/watchdog0; : > /dev/watchdog0")


def refused(bench):
    """a poweroff that comes to nothing: what the toolstack asks for afterwards is heard"""
    bench.guest.sh("echo /bin/true > /proc/sys/kernel/poweroff_cmd")
    for count in (1, 2):
        bench.machine.dom0_sh(f"xl shutdown {bench.guest.kind}")
        until(
            bench,
            lambda count=count: asked(bench) == count,
            f"{count} poweroffs asked for, not as many heard of",
        )
    bench.guest.sh("echo /sbin/poweroff > /proc/sys/kernel/poweroff_cmd")
    return {"poweroffs": count}


def asked(bench):
    """How many poweroffs the guest's kernel knows of, since the scenario began."""
    return len(kernel_log.lines(bench.guest, "pvkit: the toolstack asks for poweroff"))


def balloon(bench):
    """the toolstack's memory target, down, up, and lower than can be"""
    full = bench.options.memory
    seen = {"down": follow(bench, full - SMALLER_MIB), "up": follow(bench, full)}
    bench.machine.dom0_sh(f"xl mem-set {bench.guest.kind} {TOO_SMALL_MIB}")
    settled = still(bench)
    bench.guest.prove(100)
    seen["too_small"] = {
        "target_mib": TOO_SMALL_MIB,
        "given_mib": settled,
        "available_kib": available(bench),
    }
    if not SMALLER_MIB < settled < full - TOO_SMALL_MIB:
        bench.fail(f"asked for all but {TOO_SMALL_MIB} of {full} MiB, the balloon took {settled}")
    seen["back"] = follow(bench, full)
    return seen


def available(bench):
    return int(bench.guest.sh("awk '/^MemAvailable/ { print $2 }' /proc/meminfo").out)


def given(bench):
    """MiB that the balloon has taken out."""
    return int(bench.driver.hypervisor()["pages_given"]) // 256


def follow(bench, target):
    """Set it; the balloon gets there, and Xen's books have changed by as much as the balloon."""
    had, before = given(bench), memory_in_xen(bench)
    bench.machine.dom0_sh(f"xl mem-set {bench.guest.kind} {target}")
    missing = bench.options.memory - target
    until(bench, lambda: given(bench) == missing, f"the balloon is not at {missing} MiB")
    after = memory_in_xen(bench)
    # each of the four numbers is in whole MiB
    if abs((after - before) - (had - missing)) > 1:
        bench.fail(
            f"the balloon went from {had} to {missing} MiB, and the guest's memory in Xen from "
            f"{before} to {after}"
        )
    return {"target_mib": target, "xen_before_mib": before, "xen_after_mib": after}


def still(bench):
    """Wait until the balloon moves no more."""
    last, now = -1, given(bench)
    while last != now:
        time.sleep(4)
        last, now = now, given(bench)
    return now


def memory_in_xen(bench):
    return int(bench.machine.dom0_sh(f"xl list {bench.guest.kind}").out.splitlines()[-1].split()[2])


def time_of_day(bench):
    """after some time in an image the time of day is right"""
    before = ahead(bench)
    moves.save_restore(bench.guest, AWAY)
    after = ahead(bench)
    if abs(after - before) > 3:
        bench.fail(
            f"the guest's time of day was {before} s ahead of dom0's, and is {after} s after "
            f"{AWAY} s in an image"
        )
    return {"away_s": AWAY, "ahead_before_s": before, "ahead_after_s": after}


def ahead(bench):
    """Seconds by which the guest's time of day is ahead of dom0's."""
    return int(bench.guest.sh("date +%s").out) - int(bench.machine.dom0_sh("date +%s").out)


def until(bench, done, what, seconds=60):
    """Ask until it is so."""
    limit = time.monotonic() + seconds
    while not done():
        if time.monotonic() > limit:
            raise LabError(f"{bench.guest.kind}: {what} for {seconds} s", bench.folder)
        time.sleep(0.3)
