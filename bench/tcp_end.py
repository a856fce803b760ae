# SPDX-License-Identifier: MIT
"""bench: one end of a kernel TCP flow. usage: tcp_end.py send ADDRESS PORT CC SECONDS | recv PORT FROM SECONDS

Times count from the connection; the receiver prints what it read between FROM and SECONDS.
"""
import socket
import sys
import time

TCP_CONGESTION = 13


def send(address, port, cc, seconds):
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, cc.encode())
    s.connect((address, int(port)))
    until, data = time.monotonic() + float(seconds), bytes(65536)
    s.settimeout(1)
    while time.monotonic() < until:
        try:
            s.send(data)
        except TimeoutError:
            pass
        except OSError:
            break


def recv(port, begin, seconds):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(port)))
    listener.listen(1)
    print("ready", flush=True)
    s, _ = listener.accept()
    start, buffer, got = time.monotonic(), bytearray(1 << 18), 0
    s.settimeout(0.2)
    while (now := time.monotonic() - start) < float(seconds):
        try:
            n = s.recv_into(buffer)
        except TimeoutError:
            continue
        if n == 0:
            break
        got += n if now >= float(begin) else 0
    print(f"result bytes {got} us {(float(seconds) - float(begin)) * 1e6:.0f}", flush=True)


{"send": send, "recv": recv}[sys.argv[1]](*sys.argv[2:])
