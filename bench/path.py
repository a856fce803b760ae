# SPDX-License-Identifier: MIT
"""bench: what a real path gives: `make bench-path`. 100 Mbit/s, 50 ms round trip, drop-tail, over lab/tunem.c.

Goodput over seconds 3 to 10 of a transfer, read and checked by the receiver; every name in turn over the same link
with the same seed, then the next round. All run with their defaults; nothing can be set from outside.
"""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from duet import Failed, duet, take_result
from table import BUILD, COMMANDS, Table, print_machine

HERE = Path(__file__).resolve().parent
ROUNDS = int(os.environ.get("PATH_ROUNDS", "3"))
RATE_MBIT, ONE_WAY_MS, FROM, UNTIL = 100, 25, 3, 10
MESSAGE = "16384"  # what is counted comes in whole messages: small ones do not blur a slow row
MIB = 1048576
HAS_TUN = os.access("/dev/net/tun", os.W_OK) and "TULLE_IN_NS" not in os.environ
NS_ADDRESS = "10.77.0.1"  # in-ns.sh's
SPACES = tuple(f"tulle-path-{os.getpid()}-{end}" for end in "ab")
# loss in percent, queue in packets, and the bar: a share of the ceiling, or MiB/s
PATHS = {
    "path_loss0": (0, 1000, ("share", 0.95)),
    "path_loss0_queue200": (0, 200, ("share", 0.90)),
    "path_loss1": (1, 1000, ("mib", 8)),
    "path_loss5": (5, 1000, ("mib", 4)),
}
# IPv4, UDP, DTLS 1.2 with AES-GCM, the SCTP header and a DATA chunk's
HEADERS = 20 + 8 + 37 + 12 + 16


def ceiling(packet):
    """MiB/s of user data when every packet has this many IP bytes; chunks are padded to words."""
    return RATE_MBIT * 1e6 / 8 / MIB * ((packet - HEADERS) // 4 * 4) / packet


def take_link(process, ready):
    """Its first line when it is ready."""
    line = process.stderr.readline()
    if not line.startswith(ready):
        process.kill()
        process.wait()
        raise Failed("the emulator does not start")
    return line.split()


def end_link(process, start):
    """What the emulator counted each way, and the share of a core it took."""
    process.send_signal(signal.SIGTERM)
    text = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    rows = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in text.splitlines() if "in=" in line]
    return ([{k: int(v) for k, v in row.items()} for row in rows],
            100 * (usage.ru_utime + usage.ru_stime) / (time.monotonic() - start))


class Relay:
    """The same link where there is no TUN: a UDP relay whose ports stand in both ends' candidates."""

    def __init__(self, loss, queue, seed):
        self.command = [str(BUILD / "path_relay"), str(ONE_WAY_MS), str(loss), str(RATE_MBIT), str(queue), str(seed)]

    def __enter__(self):
        self.start = time.monotonic()
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        self.ports = take_link(self.process, "relay ready")[2:]
        return self

    def __exit__(self, *_):
        self.ways, self.cpu_percent = end_link(self.process, self.start)

    def rewrite(self, line, end):
        """The relay's port in the place of whatever an end offers."""
        what, second, text = line.split(b" ", 2)
        if what == b"candidate":
            text = f"candidate:1 1 udp 2130706431 {NS_ADDRESS} {self.ports[end]} typ host".encode()
        else:
            lines = bytes.fromhex(text.decode()).split(b"\r\n")
            text = b"\r\n".join(x for x in lines if not x.startswith((b"a=candidate", b"a=end-of")))
        return b" ".join((what, second, text.hex().encode()))


class Link:
    """Two namespaces and the emulator between them, for one run: a TCP that was cut off goes on in those it lived in."""

    rewrite = None

    def __init__(self, loss, queue, seed, spaces=SPACES):
        self.spaces = spaces
        self.command = [str(BUILD / "tunem"), *spaces, str(ONE_WAY_MS), str(loss), str(RATE_MBIT), str(queue), str(seed)]

    def __enter__(self):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "add", space], check=True)
        self.start = time.monotonic()
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        try:
            take_link(self.process, "tunem ready")
        except Failed:
            self.remove()
            raise
        return self

    def remove(self):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space], check=False)

    def __exit__(self, *_):
        self.ways, self.cpu_percent = end_link(self.process, self.start)
        self.remove()


def inside(i, command, spaces=SPACES):
    return ["ip", "netns", "exec", spaces[i], *command] if HAS_TUN else command


def channel(name, link, begin=FROM, end=UNTIL):
    """A data channel from the first end to the second."""
    tail = [MESSAGE, str(end - begin), str(begin)]
    sender, receiver = duet(inside(0, COMMANDS[name] + ["send", *tail]), inside(1, COMMANDS[name] + ["recv", *tail]), end + 50, link.rewrite)
    if receiver["wrong"] != 0:
        raise Failed(f"{receiver['wrong']:.0f} messages out of order or with a wrong sum")
    return receiver["bytes"] / MIB / (receiver["us"] / 1e6), sender


def tcp(cc, begin=FROM, end=UNTIL, spaces=SPACES):
    """The kernel's TCP the same way."""
    program = [sys.executable, str(HERE / "tcp_end.py")]
    receiver = subprocess.Popen(inside(1, [*program, "recv", "5001", str(begin), str(end)], spaces), stdout=subprocess.PIPE, text=True)
    sender = None
    try:
        receiver.stdout.readline()
        sender = subprocess.Popen(inside(0, [*program, "send", "10.77.0.2", "5001", cc, str(end + 1)], spaces))
        found = {}
        for line in receiver.communicate(timeout=end + 50)[0].splitlines():
            if line.startswith("result "):
                take_result(line, found)
        if "bytes" not in found:
            raise Failed(f"tcp {cc}: no result")
        return found["bytes"] / MIB / (found["us"] / 1e6), {}
    finally:
        for p in (receiver, sender):
            if p is not None:
                p.kill()
                p.wait()


def names():
    """What is measured, and how."""
    found = {name: lambda link, name=name: channel(name, link) for name in ("tulle", "node-datachannel")}
    has = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
    for cc in ("cubic", "bbr"):
        if HAS_TUN and cc in has.read_text().split():
            found["tcp_" + cc] = lambda link, cc=cc: tcp(cc)
    return found


def measure_one(table, key, name, how, seed, ceilings):
    loss, queue, _ = PATHS[key]
    with (Link if HAS_TUN else Relay)(loss, queue, seed) as link:
        mib, sender = how(link)
    table.add(key, "MiB/s", name, mib)
    table.add(key + "_emulator_cpu", "percent", name, link.cpu_percent)
    there, back = link.ways
    if name == "tulle":
        ceilings[key] = ceiling(there["largest"])
    told = " ".join(f"{k} {sender[k]:.0f}" for k in ("retransmissions", "timeouts", "srtt_us", "socket_drops") if k in sender)
    print(f"{key:22}{name:18}{mib:8.3f} MiB/s  packets {there['in']}, lost {there['lost']}, overflowed {there['overflow']}"
          f" (back {back['in']}, {back['lost']}, {back['overflow']}), largest {there['largest']}, emulator "
          f"{link.cpu_percent:.0f} % of a core  {told}", flush=True)


def judge(table, rows, ceilings):
    for key, (_, _, (kind, least)) in PATHS.items():
        if "tulle" not in rows.get(key, {}) or key not in ceilings:
            table.failures.append(f"{key}: not measured")
            continue
        bar = least * ceilings[key] if kind == "share" else least
        row = rows[key]
        print(f"{key:22}" + "  ".join(f"{n} {row[n]:.2f} ±{row[n + '_spread'] / 2:.2f}" for n in names() if n in row)
              + f"  (ceiling of our headers {ceilings[key]:.2f}, bar {bar:.2f})")
        if row["tulle"] < bar:
            table.failures.append(f"{key}: {row['tulle']:.2f} MiB/s, the bar is {bar:.2f}")
    for note in sorted(set(table.notes)):
        print("note:", note)
    for failure in table.failures:
        print("FAILED", failure)
    return 1 if table.failures else 0


def main():
    table, ceilings = Table(), {}
    print_machine()
    if not HAS_TUN:
        print("/dev/net/tun is not writable here: our own UDP relay instead of the emulated link, and no kernel TCP beside it")
    print(f"{RATE_MBIT} Mbit/s of IP bytes, {2 * ONE_WAY_MS} ms, loss both ways, drop-tail both ways; defaults everywhere, messages of "
          f"{MESSAGE}, back-pressure at 1 MiB, again from 256 KiB; seconds "
          f"{FROM} to {UNTIL}; {ROUNDS} rounds")
    for seed in range(1, ROUNDS + 1):
        for key in PATHS:
            for name, how in names().items():
                table.attempt(f"{key} {name}", lambda: measure_one(table, key, name, how, seed, ceilings), name)
    return judge(table, table.write(BUILD / "bench.json"), ceilings)


if __name__ == "__main__":
    sys.exit(main())
