#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# usage: busy.sh FOLDER DISK OFFSET_MIB MIB DEPTH. fio writes a stretch of the disk and verifies it,
# round after round with other data each time, until FOLDER/stop is there or a round fails. Runs on
# its own: no connection need outlive a guest that is saved and restored. Leaves in FOLDER: rounds
# (how many are done), fio.log, ended (fio's status).
folder=$1 disk=$2 offset=$3 mib=$4 depth=$5
mkdir -p "$folder"
cd "$folder" || exit 1
# A file with these words takes the place of the old one: who reads meanwhile finds either whole.
tell() { echo "$2" > "$1.new" && mv "$1.new" "$1"; }
round=0 status=0
tell rounds 0
while [ $status = 0 ] && [ ! -e stop ]; do
    round=$((round + 1))
    # A disk that has just gone must not become a file of its name.
    fio --name=busy --filename="$disk" --allow_file_create=0 --ioengine=io_uring --direct=1 \
        --rw=randwrite --iodepth="$depth" --offset="${offset}M" --size="${mib}M" \
        --bssplit=512/5:4k/55:16k/10:64k/10:128k/10:512k/5:1m/5 --randseed=$round \
        --verify=crc32c --do_verify=1 --verify_fatal=1 > fio.log 2>&1
    status=$?
    [ $status = 0 ] && tell rounds $round
done
tell ended $status
