#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: discard.sh DEVICE MIB. Fills so much of the disk, discards two stretches, and checks that
# these read as zeros while all else is as it was. The backing is a file in dom0's memory, where a
# discard punches a hole.
set -e
disk=$1 mib=$2
fill() { dd if=/dev/urandom of=/tmp/pattern bs=1M count=1 2> /dev/null; }
expect() { # MIB-OFFSET FILE: this MiB of the disk must be that file
    dd if="$disk" bs=1M skip="$1" count=1 iflag=direct 2> /dev/null | cmp - "$2" && return
    echo "MiB $1 is wrong"
    exit 1
}
fill
dd if=/dev/zero of=/tmp/zeros bs=1M count=1 2> /dev/null
i=0
while [ $i -lt "$mib" ]; do
    dd if=/tmp/pattern of="$disk" bs=1M seek=$i count=1 oflag=direct conv=notrunc 2> /dev/null
    i=$((i + 1))
done
blkdiscard -o $((2 << 20)) -l $((3 << 20)) "$disk"
blkdiscard -o $(((mib - 4) << 20)) -l $((1 << 20)) "$disk"
i=0
while [ $i -lt "$mib" ]; do
    case $i in
    2 | 3 | 4 | $((mib - 4))) expect $i /tmp/zeros ;;
    *) expect $i /tmp/pattern ;;
    esac
    i=$((i + 1))
done
rm -f /tmp/pattern /tmp/zeros
