# SPDX-License-Identifier: MIT
"""bench: what an ICE agent holds and what a shared port costs (build/bench_ice), what a connection holds that is idle
(build/bench_idle), their rows into build/bench.json."""
import subprocess
import sys

from table import BUILD, Table

ROUNDS = 3
BARS = {"ice_bytes_checking": ("bytes", 32 * 1024), "ice_bytes_idle": ("bytes", 6 * 1024), "demux_ns": ("ns", 200),
        "demux_check_ns": ("ns", 200)}


def measure(table, program):
    done = subprocess.run([str(BUILD / program)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        table.failures.append(f"{program}: {done.stderr.strip()}")
    for line in done.stdout.splitlines():
        key, value = line.split()
        table.add(key, BARS.get(key, ("bytes",))[0], "tulle", float(value))


def main():
    table = Table()
    print("an ICE agent with 10 candidates on each side; 10,000 agents behind one port, packets in shuffled order")
    for _ in range(ROUNDS):
        measure(table, "bench_ice")
    measure(table, "bench_idle")
    rows = table.write(BUILD / "bench.json")
    for key, (unit, bar) in BARS.items():
        value = rows.get(key, {}).get("tulle")
        if value is None:
            table.failures.append(f"{key}: not measured")
            continue
        print(f"{key}: {value:.0f} {unit}, the bar is less than {bar}")
        if value >= bar:
            table.failures.append(f"{key}: {value:.0f} {unit}, the bar is less than {bar}")
    idle = rows.get("idle_connection_bytes", {}).get("tulle", 0)
    print(f"idle_connection_bytes: {idle:.0f} bytes, of 10,000 connections on one port; no bar")
    for failure in table.failures:
        print("FAILED", failure)
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
