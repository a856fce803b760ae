# SPDX-License-Identifier: MIT
"""bench: CPU of two bare associations in memory beside Debian's libusrsctp, and what a packet costs in a small and a large
window. One process, one core, both ends; no DTLS, MTU 1200, CRC32c on; the receiver checks order and a sum over every byte.
"""
import os
import subprocess
import sys

from duet import Failed, solo, take_result
from table import BUILD, Table, sysctl

SIZES = {"sctp_64k": ("65536", 1.2), "sctp_16k": ("16384", 1.2), "sctp_256b": ("256", 3.0)}
SECONDS = "2"
ROUNDS = int(os.environ.get("ROUNDS", "5"))  # short ones: a neighbour on the machine lasts longer than one
TIMES = 4  # so much better than libusrsctp
WINDOWS = {"sctp_instr_per_packet_64k": 65536, "sctp_instr_per_packet_16m": 16777216}
GROWTH = 1.2  # and so much more may a packet cost in the large window
PROGRAM = str(BUILD / "bench_sctp")


def cpu(table, key, name):
    found = solo([PROGRAM, name, SIZES[key][0], SECONDS])
    if found["wrong"] != 0 or found["bytes"] == 0:
        raise Failed(f"{found['wrong']:.0f} messages out of order or with a wrong sum, {found['bytes']:.0f} bytes")
    gib = found["bytes"] / 2**30
    table.add(key, "cpu_s_per_gib", name, found["cpu_us"] / 1e6 / gib)
    table.add(key + "_mib_per_s", "mib_per_s", name, gib * 1024 / (found["us"] / 1e6))
    for what in ("retransmissions", "timeouts"):
        if found.get(what):
            table.notes.append(f"{name} {key}: {what} {found[what]:.0f}")


def instructions(table, key):
    """Collected between two moments of steady flight, over both ends."""
    out = BUILD / "callgrind.out"
    done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=measured_window", f"--callgrind-out-file={out}",
                           PROGRAM, "window", str(WINDOWS[key]), "20000"], capture_output=True, text=True, timeout=300)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("result "):
            take_result(line, found)
    counted = [int(line.split()[1]) for line in out.read_text().splitlines() if line.startswith("summary:")]
    if done.returncode != 0 or not counted or "packets" not in found:
        raise Failed(done.stderr[-400:])
    if found["flight"] < WINDOWS[key] / 2:
        raise Failed(f"the window was not full: {found['flight']:.0f} bytes in flight")
    table.add(key, "instructions", "tulle", counted[0] / found["packets"])


def judge(table, rows):
    for key, (_, most) in SIZES.items():
        row = rows.get(key, {})
        if "tulle" not in row or "usrsctp" not in row:
            table.failures.append(f"{key}: not measured")
            continue
        times = row["usrsctp"] / row["tulle"]
        print(f"{key:12} tulle {row['tulle']:.2f} ±{row['tulle_spread'] / 2:.2f}, usrsctp {row['usrsctp']:.2f} "
              f"±{row['usrsctp_spread'] / 2:.2f} CPU-s/GiB, {times:.1f} times; {rows[key + '_mib_per_s']['tulle']:.0f} and "
              f"{rows[key + '_mib_per_s']['usrsctp']:.0f} MiB/s")
        if row["tulle"] > most:
            table.failures.append(f"{key}: {row['tulle']:.2f} CPU-s/GiB, the bar is {most}")
        if times < TIMES:
            table.failures.append(f"{key}: {times:.1f} times better than usrsctp, the bar is {TIMES}")
    small, large = (rows.get(key, {}).get("tulle") for key in WINDOWS)
    if small is None or large is None:
        table.failures.append("instructions a packet: not measured")
    else:
        print(f"instructions a packet: {small:.0f} with 64 KiB in flight, {large:.0f} with 16 MiB")
        if large > GROWTH * small:
            table.failures.append(f"a packet costs {large / small:.2f} times as much in the large window")
    for note in sorted(set(table.notes)):
        print("note:", note)
    for failure in table.failures:
        print("FAILED", failure)
    return 1 if table.failures else 0


def main():
    table = Table()
    version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "libusrsctp2"], capture_output=True, text=True).stdout
    print(f"two associations in one process; buffers of 4 MiB each way for both; {ROUNDS} rounds, interleaved, windows of "
          f"{SECONDS} s after 0.5 s; libusrsctp {version or 'of unknown version'} without threads; Linux {sysctl('kernel.osrelease')}")
    for _ in range(ROUNDS):
        for key in SIZES:
            for name in ("tulle", "usrsctp"):
                table.attempt(f"{key} {name}", lambda: cpu(table, key, name), name)
    for key in WINDOWS:
        table.attempt(key, lambda: instructions(table, key))
    return judge(table, table.write(BUILD / "bench.json"))


if __name__ == "__main__":
    sys.exit(main())
