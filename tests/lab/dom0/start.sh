#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Brings up Xen's toolstack in dom0, then serves the host's commands until it is told to end.
xen=$(echo /usr/lib/xen-4.*/bin)
export PATH=$xen:$PATH
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t debugfs debug /sys/kernel/debug 2> /dev/null
# xenconsole wants /run/lock, an HVM guest's emulated NIC the tun module
mkdir -p /run/xen /run/xenstored /run/lock /var/lib/xenstored /var/lib/xen /job/log/console
rm -rf /var/log/xen
ln -s /job/log /var/log/xen
modprobe -a xenfs xen-evtchn xen-gntdev xen-gntalloc xen-blkback xen-netback xen-privcmd \
    bridge loop tun virtio_console
mount -t xenfs xenfs /proc/xen
ip link set lo up
install -m 755 /job/dom0/block-lab /job/dom0/vif-lab /etc/xen/scripts/
oxenstored --pid-file /run/xenstored.pid
tries=0
until xenstore-read / > /dev/null 2>&1 || [ $tries -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
xen-init-dom0
# guest consoles become files: --log=all
xenconsoled --pid-file=/run/xenconsoled.pid --log=all --log-dir=/job/log/console
ip link add xenbr0 type bridge
ip addr add 10.77.0.1/24 dev xenbr0
ip link set xenbr0 up
exec python3 -u /job/dom0/agent.py
