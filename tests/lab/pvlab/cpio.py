# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Writing an initramfs (newc cpio) without root and without the cpio tool."""
import gzip
import stat


def _entry(name, mode, data=b"", device=(0, 0), number=0):
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def archive(files, packed=True):
    """The archive of {name: (mode, bytes)}, gzipped or not, with the folders it needs and
    /dev/console for init's output."""
    folders = sorted(
        {
            "/".join(n.split("/")[:i])
            for n in [*files, "dev/console"]
            for i in range(1, n.count("/") + 1)
        }
    )
    parts = [_entry(folder, stat.S_IFDIR | 0o755, number=i) for i, folder in enumerate(folders, 1)]
    parts.append(_entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1), number=9998))
    parts += [
        _entry(name, stat.S_IFREG | mode, data, number=10000 + i)
        for i, (name, (mode, data)) in enumerate(sorted(files.items()))
    ]
    parts.append(_entry("TRAILER!!!", 0))
    whole = b"".join(parts)
    return gzip.compress(whole, compresslevel=1) if packed else whole
