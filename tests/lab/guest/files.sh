#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: files.sh DEVICE. Makes ext4, writes files of many sizes, lists their checksums, mounts anew
# and compares, then fsck. Tools by full path: this busybox shell prefers its own mke2fs. Leaves the
# file system with its list; prints the number of files last.
set -e
disk=$1
/sbin/mke2fs -q -F -t ext4 "$disk" > /tmp/mkfs.log 2>&1 || { cat /tmp/mkfs.log; exit 1; }
mount -t ext4 "$disk" /mnt
n=0
for size in 0 1 511 512 513 4095 4096 4097 65535 131072 1000003; do
    for copy in a b c; do
        mkdir -p "/mnt/$copy"
        head -c $size /dev/urandom > "/mnt/$copy/$size"
        n=$((n + 1))
    done
done
rm -r /mnt/c
n=$((n - 11))
(cd /mnt && find a b -type f | sort | xargs sha256sum > list)
sync
umount /mnt
mount -t ext4 "$disk" /mnt
(cd /mnt && sha256sum -c list > /tmp/check.log 2>&1) || { grep -v OK /tmp/check.log; exit 1; }
umount /mnt
/sbin/e2fsck -fn "$disk" > /tmp/fsck.log 2>&1 || { cat /tmp/fsck.log; exit 1; }
echo $n
