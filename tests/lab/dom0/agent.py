# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The lab's hand inside dom0: runs the scripts that the host sends over a virtio serial port, here
or in a guest.

One JSON object a line each way. Each request is answered by its id, so that a script in dom0 can
run beside one in a guest. The host keeps the time limits: it simply ends the machine."""
import glob
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

GUEST_PORT = 7777
TRAILER = 8
_write_lock = threading.Lock()


def port(name):
    """The virtio port the host calls `name` (no udev here, so the links in /dev do not exist)."""
    for _ in range(200):
        for path in glob.glob("/sys/class/virtio-ports/*/name"):
            if pathlib.Path(path).read_text().strip() == name:
                return open("/dev/" + path.split("/")[-2], "r+b", buffering=0)
        time.sleep(0.05)
    raise SystemExit(f"no virtio port {name}")


def in_dom0(request):
    """Run a script here."""
    done = subprocess.run(
        ["bash", "-c", request["script"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout


def connect(address, patience):
    """A connection to a guest's agent, as soon as the guest is up."""
    limit = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection((address, GUEST_PORT), 5)
        except OSError as error:
            if time.monotonic() > limit:
                raise SystemExit(f"guest {address} does not answer: {error}") from None
            time.sleep(0.1)


def send_input(conn, path):
    """What the guest's script reads on stdin: a file of the shared folder, or nothing."""
    if path:
        with open(path, "rb") as file:
            conn.sendfile(file)
    conn.shutdown(socket.SHUT_WR)


def in_guest(request):
    """Run a script in the guest at request["to"]; its output may go to a file of the shared
    folder."""
    conn = connect(request["to"], request.get("patience", 5))
    conn.settimeout(None)
    script = request["script"].encode()
    conn.sendall(b"%08d" % len(script) + script)
    feeder = threading.Thread(target=send_input, args=(conn, request.get("input")), daemon=True)
    feeder.start()
    data = bytearray()
    while chunk := conn.recv(65536):
        data += chunk
    body, trailer = bytes(data[:-TRAILER]), bytes(data[-TRAILER:])
    if trailer[:4] != b"PVRC":
        return 255, bytes(data) + b"\nlab: the connection to the guest broke off"
    if request.get("output"):
        pathlib.Path(request["output"]).write_bytes(body)
        body = b""
    return int(trailer[4:]), body


def write_all(file, data):
    """A port takes what its queue has room for; go on until all is gone."""
    with _write_lock:
        while data:
            data = data[file.write(data) :]


def answer(control, request):
    """Do one request and reply; an error here is the request's, never the agent's end."""
    try:
        status, out = (in_guest if request.get("to") else in_dom0)(request)
    except BaseException as error:  # SystemExit too: it carries the message
        status, out = 254, f"lab: {error}".encode()
    line = (
        json.dumps({"id": request["id"], "rc": status, "out": out.decode(errors="replace")}) + "\n"
    )
    write_all(control, line.encode())


def console(domain):
    """Join a guest's console (a serial port where it has one for that) with the host's terminal,
    byte for byte."""
    nodes = [f"/local/domain/{domain}/{place}/tty" for place in ("serial/0", "console")]
    name = next(
        n
        for n in (
            subprocess.run(["xenstore-read", node], capture_output=True, text=True).stdout.strip()
            for node in nodes
        )
        if n
    )
    tty, terminal = os.open(name, os.O_RDWR | os.O_NOCTTY), port("shell")

    def pump(read, write):
        while data := read():
            write(data)

    threading.Thread(
        target=pump, args=(lambda: terminal.read(256), lambda d: os.write(tty, d)), daemon=True
    ).start()
    pump(lambda: os.read(tty, 4096), lambda data: write_all(terminal, data))


def main():
    """Announce readiness, then serve until the host closes the port or says end."""
    control = port("pvlab")
    control.write(b'{"id": 0, "rc": 0, "out": "ready"}\n')
    pending = b""
    while True:
        pending += control.read(65536) or b""
        *lines, pending = pending.split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request.get("op") == "end":
                return
            if request.get("op") == "console":
                threading.Thread(target=console, args=(request["domain"],), daemon=True).start()
                continue
            threading.Thread(target=answer, args=(control, request), daemon=True).start()


main()
