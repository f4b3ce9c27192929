#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: faults.sh KIND VERB WHERE MOST COMPLAINTS. Does VERB (load, unload, connect, disconnect)
# again and again, and makes another call of KIND (alloc, hypercall) fail each time: the 1st, 2nd,
# ... that pvkit makes in WHERE, until none is left. With MOST so many of them alone: half evenly
# spread, for what is done again and again, and the last ones. Modules built with FAULTS=1 are in
# /faults; the disk is plugged in. faults.sh chosen CALLS MOST says which calls these are, faults.sh
# ours LOG what it looks at of a log. Prints "calls N steps N failed N worked N without N unreached
# N closes N", the last being event channels that Xen was not told to close; what went wrong comes
# before, and status 1.
chosen() { # CALLS MOST
    n=1 dense=1 stride=1
    if [ "$2" != 0 ] && [ "$1" -gt "$2" ]; then
        dense=$(($1 - $2 / 2 + 1)) spread=$(($2 - $2 / 2))
        stride=$(((dense - 1 + spread - 1) / spread))
    fi
    while [ $n -le "$1" ]; do
        echo $n
        if [ $n -ge $dense ]; then
            n=$((n + 1))
        else
            n=$((n + stride < dense ? n + stride : dense))
        fi
    done
}
[ "$1" != chosen ] || { chosen "$2" "$3"; exit; }

kind=$1 verb=$2 where=$3 most=$4 complaints=$5
P=/sys/module/pvkit/parameters D=/sys/kernel/debug/pvkit LOG=/tmp/faults.step
NEVER=1000000
# Words of the kernel about its own: without memory for a file below /proc/irq it goes on, and
# wonders when it is to remove it; it shows the stack when there is none for a slab cache; without
# memory for /sys/module/X/drivers it links a driver at the top of /sys, for ever, and shows the
# stack the next time; vmalloc shows it each time, as where a new disk is searched for partitions.
NOT_OURS='/WARNING: .* remove_proc_entry/,/end trace/d
/kmem_cache_create.* failed with error/,/<\/TASK>/d
/vmalloc error: .* allocation failed/,/<\/TASK>/d
/cannot create duplicate filename .\/\//,/<\/TASK>/d'
CLOSE='faults: hypercall 32\.3: '
ours() { sed "$NOT_OURS" "$1"; } # LOG: of it what pvkit may have to do with
[ "$1" != ours ] || { ours "$2"; exit; }

words() { # N: the same as arm, for insmod
    case $kind in
    alloc) echo "fail_in=$where fail_alloc=$1" ;;
    *) echo "fail_hypercall=$1" ;;
    esac
}
arm() { # N: the N-th call from now on fails
    if [ "$kind" = alloc ]; then
        printf %s "$where" > $P/fail_in # a newline would be part of it
        echo "$1" > $P/fail_alloc
    else
        echo "$1" > $P/fail_hypercall
    fi
}
disarm() { echo 0 > $P/fail_alloc; echo 0 > $P/fail_hypercall; }
await() { # COMMAND...: true within five seconds
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || return 1
        sleep 0.1
    done
}
listen() { dmesg -c >> $LOG; }
says() { listen; grep -qE "$1" $LOG; }
wrong() { problems="$problems; $*"; }

has_device() { ls /sys/bus/pvkit/devices/vbd-* > /dev/null 2>&1; }
has_disk() { [ -b /dev/xvda ] && grep -qv "^0$" /sys/block/xvda/size 2> /dev/null; }
met_backend() { has_disk || says "$NO_DISK"; }
NO_DISK='(vbd-[0-9]+|xvda).*(fail|error|cannot|stays down)'
holds_nothing() { [ "$(cat $D/grants_in_use $D/events_open $D/parked | tr -d '\n')" = 000 ]; }

outcome_of_load() { # STATUS of insmod
    if [ "$1" != 0 ]; then
        outcome=failed
        says 'pvkit: (cannot start|this machine is not)' || wrong "no line says why it failed"
    else
        await has_device || wrong "no device came"
        says 'pvkit: going on without' && outcome=without
    fi
}
load() {
    # shellcheck disable=SC2046
    insmod /faults/pvkit.ko $(words "$1") store_timeout=3 2> /dev/null
    outcome_of_load $?
    [ "$kind $where" = "alloc watch" ] && sleep 0.1
    [ $outcome = failed ] || disarm
    [ $outcome = failed ] || rmmod pvkit || wrong "rmmod pvkit failed"
    core_is_gone
}
unload() {
    insmod /faults/pvkit.ko || wrong "insmod failed"
    await has_device || wrong "no device came"
    arm "$1"
    rmmod pvkit || wrong "rmmod pvkit failed"
    core_is_gone
}
core_is_gone() {
    for trace in /sys/module/pvkit /sys/bus/pvkit /proc/xen '/sys/class/misc/xen!xenbus' /dev/hvc0 \
        $D /sys/bus/pci/drivers/pvkit; do
        [ ! -e "$trace" ] || wrong "$trace is left"
    done
    # The kernel needs memory to take a node out of /dev; without, it stays there for nothing.
    [ "$kind $verb" = "alloc unload" ] || [ ! -e /dev/xen/xenbus ] ||
        wrong "/dev/xen/xenbus is left"
    ! grep -q pvkit /proc/interrupts /proc/iomem \
        /sys/devices/system/clocksource/clocksource0/available_clocksource ||
        wrong "an interrupt, memory region or clock is left"
}

connect() {
    arm "$1"
    # A small ring: each further grant would be one more of the same.
    if insmod /faults/pvkit-blkfront.ko max_ring_page_order=0 max_indirect_segments=11 \
        2> /dev/null; then
        await met_backend || wrong "neither a disk nor a line that says why"
        sleep 0.1
        disarm
        if has_disk; then
            dd if=/dev/xvda of=/dev/null bs=64k count=1 iflag=direct 2> /dev/null ||
                wrong "the disk cannot be read"
        else
            outcome=without
        fi
        rmmod pvkit_blkfront || wrong "rmmod pvkit_blkfront failed"
    else
        outcome=failed
        disarm
        says 'pvkit-blkfront: cannot start' || wrong "no line says why it failed"
    fi
    disk_is_gone
}
disconnect() {
    insmod /faults/pvkit-blkfront.ko || wrong "insmod failed"
    await has_disk || wrong "no disk came"
    arm "$1"
    rmmod pvkit_blkfront || wrong "rmmod pvkit_blkfront failed"
    disarm
    disk_is_gone
}
disk_is_gone() {
    for trace in /sys/module/pvkit_blkfront /sys/block/xvda $D/xvda; do
        [ ! -e "$trace" ] || wrong "$trace is left"
    done
    ! grep -q xvd /proc/devices || wrong "the block major is left"
    await holds_nothing ||
        wrong "still held: $(cat $D/grants_in_use $D/events_open $D/parked | tr '\n' ' ')"
}

one_step() { # N: sets outcome and left
    outcome=worked problems=''
    : > $LOG
    dmesg -c > /dev/null
    $verb "$1"
    listen
    ours $LOG | grep -qE "$complaints" && wrong "the kernel complains"
    left=$(sed -n 's/.*pvkit: faults: .*: \([0-9]*\) left$/\1/p' $LOG | tail -1)
    if [ "$left" != 0 ] && [ $outcome != worked ]; then
        wrong "nothing was made to fail, but: $outcome"
    fi
    closes=$((closes + $(grep -c "$CLOSE" $LOG)))
    [ -z "$problems" ] || report "$1"
}
report() {
    bad=$((bad + 1))
    echo "$kind $verb $where, call $1, $outcome$problems"
    [ $bad -gt 2 ] || {
        ours $LOG | grep -E -B2 -A16 "$complaints" || tail -12 $LOG
    } | head -24 | cut -c1-120
    case $problems in *rmmod*) echo "cannot go on"; exit 1 ;; esac
}

# console of a kernel without Xen: a trip through dom0 for each byte
dmesg -n 1
# what would hang for ever after an oops ends at once
echo 1 > /proc/sys/kernel/panic_on_oops
bad=0 steps=0 failed=0 worked=0 without=0 unreached=0 closes=0
case $verb in *connect) insmod /faults/pvkit.ko && await has_device || exit 1 ;; esac
# What the kernel allocates once only is out of the way the second time.
one_step $NEVER
one_step $NEVER
calls=$((NEVER - ${left:-$NEVER}))
for n in $(chosen "$calls" "$most"); do
    one_step "$n"
    steps=$((steps + 1))
    eval "$outcome=\$(($outcome + 1))"
    [ "$left" = 0 ] || unreached=$((unreached + 1))
done
case $verb in *connect) rmmod pvkit || bad=1 ;; esac
dmesg -n 4
echo "calls $calls steps $steps failed $failed worked $worked without $without" \
    "unreached $unreached closes $closes"
[ $bad = 0 ]
