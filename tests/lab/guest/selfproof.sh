#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: selfproof.sh COUNT. Short processes, each of which must do its work: the emulation once lost vector registers
# at a context switch, and about 3 % of them died. Prints "<failed> of <count>".
count=$1
failed=0
i=0
while [ "$i" -lt "$count" ]; do
    i=$((i + 1))
    # busybox itself is one static program; running it through its path makes a real process each time
    [ "$(/bin/busybox ls / | /bin/busybox grep -c -E '^(bin|dev|proc)$')" = 3 ] || failed=$((failed + 1))
done
echo "$failed of $count"
[ "$failed" = 0 ]
