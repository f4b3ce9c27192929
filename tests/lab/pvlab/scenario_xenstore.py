# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""own-xenstore: Debian's xenstore tools on the /dev/xen/xenbus of pvkit.ko, against what dom0
sees."""
import time

from . import moves, tools
from .say import about, say
from .scenario_cycles import quiet_kernel

# With names as long as these, nearly what one message of xenstore can list: 4 KiB, four times its
# ring.
KEYS = 80
WRITERS, WRITES = 4, 20


def own_xenstore(bench):
    """xenstore-read, -write, -ls, -watch, -rm, -exists, -chmod of Debian, unchanged; many at once;
    a client by epoll, and late; after a restore too"""
    tools.bring(bench)
    bench.driver.load()
    bench.disk.attach()
    steps = [
        read_and_write,
        same_tree,
        long_listing,
        watch,
        permissions,
        many_at_once,
        never_blocking,
        writing_on,
        reading_late,
        leaving,
        whose_disk,
    ]
    for step in steps:
        say(f"{bench.guest.kind.upper()}: xenstore tools: {about(step)}")
        step(bench)
    moves.save_restore(bench.guest)
    for step in (read_and_write, same_tree, watch, never_blocking, whose_disk):
        step(bench)
    bench.disk.detach()
    bench.driver.unload()
    quiet_kernel(bench)
    return {"steps": [step.__name__ for step in steps], "keys_listed": KEYS}


def home(bench):
    """The guest's folder as dom0 calls it."""
    return f"/local/domain/{bench.guest.domid}"


def expect(bench, found, wanted, what):
    """Both must be the same text."""
    if found.strip() != wanted.strip():
        bench.fail(f"{what}: {found.strip()[-400:]!r} is not {wanted.strip()[-400:]!r}")


def read_and_write(bench):
    """what one side writes the other reads"""
    guest, dom0 = bench.guest, bench.machine.dom0_sh
    expect(
        bench,
        guest.sh("xenstore-read name domid").out,
        f"{guest.kind}\n{guest.domid}",
        "xenstore-read name domid",
    )
    guest.sh("xenstore-write data/pvlab 'two words' data/pvlab/sub 2")
    expect(
        bench,
        dom0(f"xenstore-read {home(bench)}/data/pvlab {home(bench)}/data/pvlab/sub").out,
        "two words\n2",
        "what dom0 reads",
    )
    dom0(f"xenstore-write {home(bench)}/data/pvlab dom0")
    expect(bench, guest.sh("xenstore-read data/pvlab").out, "dom0", "what dom0 wrote")
    guest.sh(
        "xenstore-rm data/pvlab && ! xenstore-exists data/pvlab && ! xenstore-read data/pvlab 2> "
        "/dev/null && xenstore-exists name"
    )


def same_tree(bench):
    """the whole tree of the guest as both see it"""
    there = bench.machine.dom0_sh(f"xenstore-ls -f {home(bench)} | sort").out
    here = bench.guest.sh(f"xenstore-ls -f {home(bench)} | sort").out
    expect(bench, here, there, "xenstore-ls")
    if len(here.splitlines()) < 20:
        bench.fail(f"xenstore-ls shows {len(here.splitlines())} lines only")


def long_listing(bench):
    """a folder whose listing goes round the ring"""
    name = "a-key-with-a-rather-long-name-of-its-own"
    bench.guest.sh(
        f"for i in $(seq {KEYS}); do xenstore-write data/long/{name}-$i $i || exit 1; done"
    )
    count = bench.guest.sh("xenstore-ls data/long | wc -l").out.strip()
    bench.guest.sh("xenstore-rm data/long")
    expect(bench, count, str(KEYS), "keys of a long folder")


def watch(bench):
    """xenstore-watch sees each change"""
    ticket = bench.guest.submit(
        "xenstore-write data/watched 0; timeout 60 xenstore-watch -n 4 data/watched"
    )
    time.sleep(3)  # the watch's first event is for itself
    for value in range(3):
        bench.machine.dom0_sh(f"xenstore-write {home(bench)}/data/watched {value}; sleep 0.3")
    seen = bench.machine.collect(ticket, 90, "xenstore-watch")
    expect(
        bench, seen.out, "\n".join(["data/watched"] * 4), f"xenstore-watch, status {seen.status}"
    )


def permissions(bench):
    """xenstore-chmod, and a node that the guest may not read"""
    bench.guest.sh(
        "xenstore-write data/mine 1 && xenstore-chmod data/mine n$(xenstore-read domid) b0 && "
        "xenstore-ls -p data | grep -q 'mine.*,b0'"
    )
    bench.machine.dom0_sh("xenstore-write /pvlab secret && xenstore-chmod /pvlab n0")
    refused = bench.guest.sh("xenstore-read /pvlab", check=False)
    if refused.status == 0:
        bench.fail(f"the guest reads what it may not: {refused.out}")


def many_at_once(bench):
    """several programs at once, each reads back what it wrote"""
    writer = (
        f"for i in $(seq {WRITES}); do xenstore-write data/w$w $w-$i && [ $(xenstore-read "
        "data/w$w) = $w-$i ] || exit 1; done"
    )
    bench.guest.sh(
        f'for w in $(seq {WRITERS}); do ({writer}) & p="$p $!"; done; for i in $p; do wait $i || '
        "exit 1; done"
    )


def never_blocking(bench):
    """a client of /proc/xen/xenbus that never blocks and waits for epoll's edges, as a Go program
    does"""
    guest, out = bench.guest, "/tmp/poller.out"
    ticket = guest.submit(
        "xenstore-write data/polled $(xenstore-read domid) && poller data/polled $(xenstore-read "
        f"domid) > {out}; cat {out}"
    )
    guest.sh(
        f"for i in $(seq 300); do grep -q watching {out} && exit 0; sleep 0.1; done; cat {out}; "
        "exit 1",
        what="poller's watch",
    )
    bench.machine.dom0_sh(f"xenstore-write {home(bench)}/data/polled changed")
    seen = bench.machine.collect(ticket, 60, "poller")
    expect(bench, seen.out, "watching\n200 reads, 2 events", f"poller, status {seen.status}")
    guest.sh(f"rm {out}")


def writing_on(bench):
    """a client that asks and asks before it reads is told to wait, not refused"""
    bench.guest.sh("xenstore-write data/full yes")
    expect(
        bench,
        bench.guest.sh("poller full data/full yes").out,
        "200 reads of a full device",
        "poller full",
    )
    bench.guest.sh("xenstore-rm data/full")


def reading_late(bench):
    """a client that reads too late hears in the end of what it missed"""
    expect(
        bench, bench.guest.sh("poller late data/late").out, "told of what was missed", "poller late"
    )
    bench.guest.sh("xenstore-rm data/late")


def leaving(bench):
    """clients that end with more transactions and watches open than xenstored lets a guest have"""
    expect(
        bench, bench.guest.sh("poller leave data").out, "10 clients left all open", "poller leave"
    )


def whose_disk(bench):
    """where a guest agent finds the disk's place in xenstore, and that this is a Xen guest"""
    device, number = f"/sys/block/{bench.disk.name}/device", bench.disk.backend().rsplit("/", 1)[1]
    found = bench.guest.sh(
        f"cd {device} && cat nodename devtype modalias state && cat /proc/xen/capabilities"
    ).out
    expect(
        bench, found, f"device/vbd/{number}\nvbd\nxen:vbd\nConnected", "what sysfs says of the disk"
    )
    bench.guest.sh(f"[ $(xenstore-read $(cat {device}/nodename)/virtual-device) = {number} ]")
