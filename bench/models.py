# SPDX-License-Identifier: MIT
"""bench: what the simulated bars stand on: build/simpath's CUBIC and NewReno beside the kernel's over the emulator, within
10 % on the four paths; and one mix of tulle with the kernel's CUBIC, whose shares the simulation must not flatter.

A lossy path gives little and needs no CPU, so several links run at once, and for a minute: at 1 % a window is a matter of luck.
"""
import os
import statistics
import subprocess
import sys
import threading

from duet import Failed
from path import ONE_WAY_MS, PATHS, RATE_MBIT, Link, channel, tcp
from table import BUILD, Table

MODELS = {"cubic": "cubic", "reno": "newreno"}  # the kernel's name, ours
WITHIN = 0.10
LINKS, SIM_SEEDS = 3, 9
MIX_QUEUE, MIX_FROM, MIX_UNTIL = 417, 20, 60  # one bandwidth-delay product of 1500 bytes
LEAST = {"tulle": 0.20, "tcp_cubic": 0.30}


def window(key):
    return (3, 63) if PATHS[key][0] else (3, 10)


def kernel(key, cc, seed, found):
    loss, queue, _ = PATHS[key]
    spaces = tuple(f"tulle-model-{os.getpid()}-{cc}-{seed}-{end}" for end in "ab")
    try:
        with Link(loss, queue, seed, spaces):
            found.append(tcp(cc, *window(key), spaces)[0])
    except (Failed, OSError, subprocess.SubprocessError) as e:
        print(f"note: {key} {cc}: {e}")


def kernels(key, table):
    """Those that lose at once, the others one after the other."""
    found = {cc: [] for cc in MODELS}
    jobs = [threading.Thread(target=kernel, args=(key, cc, seed, found[cc]))
            for seed in range(1, LINKS + 1) for cc in MODELS]
    batch = len(jobs) if PATHS[key][0] else 1
    for i in range(0, len(jobs), batch):
        for job in jobs[i:i + batch]:
            job.start()
        for job in jobs[i:i + batch]:
            job.join()
    for cc in MODELS:
        for mib in found[cc]:
            table.add(f"model_{key}_{cc}", "MiB/s", "kernel", mib)


def simulated(key, cc):
    loss, queue, _ = PATHS[key]
    begin, end = window(key)
    values = []
    for seed in range(1, SIM_SEEDS + 1):
        done = subprocess.run([str(BUILD / "simpath"), "--flows", MODELS[cc], "--rate", f"{RATE_MBIT}M", "--rtt", str(2 * ONE_WAY_MS),
                               "--loss", str(loss), "--queue", str(queue), "--from", str(begin), "--seconds", str(end),
                               "--seed", str(seed)], capture_output=True, text=True, check=True)
        values += [float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith(MODELS[cc])]
    return statistics.median(values)


def judge_models(table, rows):
    for key in PATHS:
        for cc in MODELS:
            row = rows.get(f"model_{key}_{cc}", {})
            if "kernel" not in row or "simulated" not in row:
                table.failures.append(f"{key} {cc}: not measured")
                continue
            off = row["simulated"] / row["kernel"] - 1
            print(f"{key:22}{cc:8} kernel {row['kernel']:7.3f} ±{row['kernel_spread'] / 2:.3f}  simulated {row['simulated']:7.3f} "
                  f"MiB/s  {100 * off:+.1f} %")
            if abs(off) > WITHIN:
                table.failures.append(f"{key} {cc}: the simulation is {100 * off:+.1f} % off")


def mix(table):
    """tulle and the kernel's CUBIC over one link, from the same moment, the last 40 s of a minute."""
    found = {}

    def run(name, how):
        try:
            found[name] = how()[0]
        except (Failed, OSError, subprocess.SubprocessError) as e:
            print(f"note: mix {name}: {e}")

    with Link(0, MIX_QUEUE, 1) as link:
        jobs = [threading.Thread(target=run, args=("tulle", lambda: channel("tulle", link, MIX_FROM, MIX_UNTIL))),
                threading.Thread(target=run, args=("tcp_cubic", lambda: tcp("cubic", MIX_FROM, MIX_UNTIL)))]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    if len(found) < 2:
        raise Failed("an end of the mix did not end")
    for name, mib in found.items():
        table.add("mix_kernel_cubic", "MiB/s", name, mib)
        share = mib / sum(found.values())
        print(f"mix in a queue of {MIX_QUEUE}: {name} {mib:.2f} MiB/s, {100 * share:.0f} %, at least {100 * LEAST[name]:.0f} %")
        if share < LEAST[name]:
            table.failures.append(f"mix: {name} gets {100 * share:.0f} %")
    print(f"overflowed {link.ways[0]['overflow']} of {link.ways[0]['in']}, emulator {link.cpu_percent:.0f} % of a core")


def main():
    table = Table()
    if not os.access("/dev/net/tun", os.W_OK):
        print("FAILED /dev/net/tun is not writable here: no link can be made")
        return 1
    for key in PATHS:
        kernels(key, table)
        for cc in MODELS:
            table.add(f"model_{key}_{cc}", "MiB/s", "simulated", simulated(key, cc))
    table.attempt("mix", lambda: mix(table))
    judge_models(table, table.write(BUILD / "bench.json"))
    for failure in table.failures:
        print("FAILED", failure)
    return 1 if table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
