#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Has pvkit.ko unplug the network cards, the one that leads here included, and tells xenstore what
# is left: data/left holds the lines of functions.sh with commas, then comes data/nics with what
# pvkit.ko says of it.
driver=/sys/bus/pci/drivers/8139cp # no module in every kernel
for card in "$driver"/0000:*; do
	echo "${card##*/}" > "$driver/unbind" || exit 1
done
insmod /modules/pvkit.ko unplug=nics || exit 1
left=$(sh /lab/functions.sh | tr '\n' ',')
nics=$(sed -n 's/^nics_unplugged //p' /sys/kernel/debug/pvkit/hypervisor)
xenstore-write data/left "$left" data/nics "$nics"
