# SPDX-License-Identifier: MIT
"""bench: starts two ends, hands signaling lines from one to the other, collects their results."""
import selectors
import subprocess
import time


class Failed(Exception):
    pass


def take_result(line, into):
    words = line.split()[1:]
    for key, value in zip(words[::2], words[1::2]):
        into[key] = float(value)


def solo(command, limit_s=120):
    """One process that prints results."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("result "):
            take_result(line, found)
    if not found:
        raise Failed(f"{' '.join(command)}: no result: {done.stderr[-400:]}")
    return found


def duet(offerer, answerer, limit_s=40, rewrite=None):
    """Two processes; gives the results of both, offerer's first. rewrite(line, 0 offerer's or 1) may change signaling."""
    ends = [subprocess.Popen(c, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for c in (answerer, offerer)]
    found, rest = [{}, {}], [b"", b""]
    wait = selectors.DefaultSelector()
    for i, end in enumerate(ends):
        wait.register(end.stdout, selectors.EVENT_READ, i)
    until = time.monotonic() + limit_s
    live = 2
    try:
        while live and time.monotonic() < until:
            for key, _ in wait.select(0.5):
                i = key.data
                data = key.fileobj.read1(65536)
                if not data:
                    wait.unregister(key.fileobj)
                    live -= 1
                    continue
                *lines, rest[i] = (rest[i] + data).split(b"\n")
                for line in lines:
                    if line.startswith(b"result "):
                        take_result(line.decode(), found[i])
                    elif line.startswith((b"sdp ", b"candidate ")):
                        try:
                            line = rewrite(line, 1 - i) if rewrite else line
                            ends[1 - i].stdin.write(line + b"\n")
                            ends[1 - i].stdin.flush()
                        except BrokenPipeError:
                            pass
        if live:
            raise Failed(f"no end within {limit_s} s: {' '.join(offerer)}: {found}")
    finally:
        for end in ends:
            end.kill()
            end.wait()
            end.stdin.close()
            end.stdout.close()
    return found[1], found[0]
