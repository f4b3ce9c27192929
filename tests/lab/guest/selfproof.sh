#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: selfproof.sh COUNT. So many short processes, two at a time in a pipeline, each of which
# must do its work: the emulation once lost vector registers at context switches, and about 3 % of
# them died. Prints "<failed> of <count>".
set -o pipefail
count=$1
failed=0
i=0
while [ "$i" -lt "$count" ]; do
    i=$((i + 2))
    # by its path, else this shell runs its own applets without a new process
    /bin/busybox ls / | /bin/busybox grep -q '^proc$' || failed=$((failed + 1))
done
echo "$failed of $count"
[ "$failed" = 0 ]
