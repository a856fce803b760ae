#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house's rules, checked. usage: tidy.py BUILD   (from the project's root; BUILD has the objects)

Each rule is a function that yields complaints. A file on a list below stands there with its reason."""
import glob
import os
import re
import signal
import subprocess
import sys

ENGINES = ["base", "stun", "json", "ice", "turn", "mdns", "sctp", "sdp"]
# One floor uses only floors below it; rooms on one floor do not know each other.
FLOORS = [["base"], ["stun", "json"], ["ice", "turn", "mdns", "dtls", "sctp", "sdp"], ["signal"],
          ["peer"], ["mesh", "onramp"], ["host"], ["cli"]]
ROOM_FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = list(ROOM_FLOOR)
FREE_HEADERS = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h"}
OPENSSL_ROOMS = ("base/crypto", "dtls/", "signal/", "host/")
LONG_FILES = {"base/crc32c_table.h": "a table, computed anew by a test"}
LONG_TESTS = 1000  # lines of a test file: one suite, many small cases
SYSTEM_ROOMS = {"host", "cli", "tests", "fuzz", "bench", "examples", "tools", "lab"}
SYSTEM_HEADERS = re.compile(r"(sys/|unistd|netinet|arpa|net/|pthread|time\.h|stdio\.h|stdlib\.h|errno\.h|signal\.h|poll\.h|fcntl\.h)")
# dtls/ asks OpenSSL for its timer, which is a struct timeval.
SYSTEM_EXCEPTIONS = {("dtls/dtls_openssl.c", "sys/time.h")}
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|setjmp|longjmp|rand|srand|system|popen|memcmp_s|bcmp)\s*\(")
MALLOC = re.compile(r"\b(malloc|calloc|realloc|strdup|free)\s*\(")
PREFIXES = {
    "base": ["tulle_err_", "tulle_drop_", "tulle_rd_", "tulle_wr_", "tulle_pool_", "tulle_crypto_", "tulle_version",
             "tulle_text_", "tulle_addr_", "tulle_crc32c", "tulle_ready_", "tulle_heap_", "tulle_hints_", "tulle_arena_", "tulle_panic_"],
    "dtls": ["tulle_dtls_", "tulle_certificate_"],
    "peer": ["tulle_peer_", "tulle_channel_"],
    "host": ["tulle_host_", "tulle_log_", "tulle_certificate_", "tulle_panic_hook", "tulle_cpu_"],
}


def files(*patterns):
    found = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], capture_output=True,
                           text=True, check=True).stdout.split("\n")
    return sorted(f for f in found if f and os.path.exists(f))


def code(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def without_comments(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', lambda m: '"' + " " * (len(m.group(0)) - 2) + '"', text)
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def room_of(path):
    parts = path.split("/")
    return parts[0] if len(parts) > 1 else ""


def check_spdx():
    for f in files("*.c", "*.h", "*.sh", "*.py", "*.mjs", "*.js", "Makefile", ".ci/run"):
        if "SPDX-License-Identifier: MIT" not in "\n".join(code(f).split("\n")[:3]):
            yield f"{f}: no SPDX line"


def check_length():
    for f in files("*.c", "*.h"):
        n = code(f).count("\n")
        if n > (LONG_TESTS if room_of(f) == "tests" else 500) and f not in LONG_FILES:
            yield f"{f}: {n} lines, over 500"
        for i, line in enumerate(code(f).split("\n"), 1):
            width = len(line.expandtabs(8))
            if width > 100 and room_of(f) not in ("tests", "fuzz", "bench", "lab"):
                yield f"{f}:{i}: {width} columns"


def functions(text):
    """Names, first lines and lengths of function bodies: a brace in column 0 opens and closes one."""
    lines = without_comments(text).split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#", "\t{")):
                head -= 1
                if not lines[head].startswith(("\t", " ")):
                    break
            yield lines[head].strip()[:80], head + 1, i - head + 1
            start = None


def check_functions():
    for f in files("*.c", "*.h"):
        if room_of(f) == "lab":
            continue
        for name, line, length in functions(code(f)):
            if length > 60:
                yield f"{f}:{line}: a function of {length} lines, over 60: {name}"


def check_includes():
    for f in files("*.c", "*.h"):
        room = room_of(f)
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', code(f), flags=re.M):
            other = name.split("/")[0]
            if room in ROOM_FLOOR and other in ROOM_FLOOR and other != room:
                if ROOM_FLOOR[other] >= ROOM_FLOOR[room]:
                    yield f"{f}: {room} may not use {name}: not on a floor below"
                elif other != "base" and room in ("mesh", "onramp", "host", "peer", "signal", "ice", "turn", "mdns", "sdp") \
                        and not re.match(rf"{other}/{other}\.h$", name) and other not in ("signal", "dtls", "peer", "mesh", "onramp") :
                    yield f"{f}: {name} is for {other}/ alone"
        for name in re.findall(r"^\s*#\s*include\s+<([^>]+)>", code(f), flags=re.M):
            public = name.startswith("tulle/")
            if room in ENGINES and not public and name not in FREE_HEADERS and not f.startswith("base/crypto") \
                    and not (f == "base/crc32c.c" and name in ("nmmintrin.h", "arm_acle.h")):
                yield f"{f}: an engine includes <{name}>"
            if SYSTEM_HEADERS.match(name) and room not in SYSTEM_ROOMS and (f, name) not in SYSTEM_EXCEPTIONS \
                    and f.startswith(tuple(r + "/" for r in ROOMS)):
                yield f"{f}: <{name}> belongs to host/"
            if re.match(r"(openssl/|zlib\.h)", name) and room in ROOM_FLOOR and not f.startswith(OPENSSL_ROOMS):
                yield f"{f}: <{name}> outside base/crypto, dtls/, signal/, host/"


def check_calls():
    for f in files("*.c", "*.h"):
        room = room_of(f)
        text = without_comments(code(f))
        if room in ROOM_FLOOR:
            for m in BANNED.finditer(text):
                yield f"{f}:{text[:m.start()].count(chr(10)) + 1}: {m.group(1)} is banned"
        if room in ENGINES + ["dtls", "signal", "peer", "mesh", "onramp"]:
            for m in MALLOC.finditer(text):
                before = text[max(0, m.start() - 1)]
                if before not in ".>_":
                    yield f"{f}:{text[:m.start()].count(chr(10)) + 1}: {m.group(1)} in {room}/"


def check_symbols(build):
    for room in ROOMS:
        if room == "cli":
            continue
        for obj in glob.glob(f"{build}/obj/{room}/**/*.o", recursive=True):
            if not os.path.exists(os.path.relpath(obj, f"{build}/obj")[:-2] + ".c"):
                continue
            out = subprocess.run(["nm", "-g", "--defined-only", obj], capture_output=True, text=True, check=True).stdout
            for line in out.split("\n"):
                name = line.split(" ")[-1]
                if not name or name.startswith("__odr"):
                    continue
                allowed = PREFIXES.get(room, []) + [f"tulle_{room}_"]
                if any(name.startswith(p) for p in allowed):
                    continue
                if room in ("mesh", "host", "onramp") and name in PUBLIC_NAMES:
                    continue
                yield f"{obj}: exports {name}"


def public_names():
    text = "".join(without_comments(code(f)) for f in glob.glob("include/tulle/*.h"))
    return set(re.findall(r"\b(tulle_[a-z0-9_]+)\s*\(", text))


def check_untrusted():
    for f in files("*.c"):
        for stage, target in re.findall(r"^TULLE_UNTRUSTED\((\w+),\s*\"[^\"]*\",\s*(\w+)\)", code(f), flags=re.M):
            if not os.path.exists(f"fuzz/fuzz_{target}.c"):
                yield f"{f}: TULLE_UNTRUSTED({stage}, …, {target}) without fuzz/fuzz_{target}.c"
            if stage not in ("anyone", "stun", "dtls", "mesh", "client"):
                yield f"{f}: no stage {stage}"


def check_generated():
    for tool, doc in (("surface", "docs/SURFACE.md"), ("limits", "docs/LIMITS.md"), ("reading", "docs/READING.md")):
        want = subprocess.run([sys.executable, "tools/docs.py", tool], capture_output=True, text=True, check=True).stdout
        if not os.path.exists(doc) or code(doc) != want:
            yield f"{doc} is not what tools/docs.py {tool} says: make docs"


def check_paths():
    out = subprocess.run(["git", "grep", "-nE", r"/(tmp|root|home|work)/[A-Za-z]", "--", ":!*.pcap*", ":!fuzz/corpus*",
                          ":!tests/vectors*", ":!tools/tidy.py", ":!tests/unit/test_streams.c"], capture_output=True, text=True).stdout
    for line in out.split("\n"):
        if line:
            yield "absolute path: " + line[:120]


def check_headers():
    for f in sorted(glob.glob("include/tulle/*.h")):
        for args in (["gcc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c"],
                     ["g++", "-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c++"]):
            if args[0] == "g++" and not any(os.access(os.path.join(p, "g++"), os.X_OK) for p in os.environ["PATH"].split(":")):
                continue
            got = subprocess.run(args + ["-Iinclude", "-fsyntax-only", f], capture_output=True, text=True)
            if got.returncode != 0:
                yield f"{f} does not compile alone with {args[0]}: {got.stderr[:300]}"


def check_freestanding():
    """The engines' archive needs nothing but mem*, the crypto door, the panic hook, and the compiler's arithmetic."""
    sources = [f for f in files("*.c") if room_of(f) in ENGINES and not f.startswith("base/crypto")]
    out = "build/free"
    os.makedirs(out, exist_ok=True)
    objects = []
    for f in sources:
        o = f"{out}/{f.replace('/', '_')[:-2]}.o"
        objects.append(o)
        if os.path.exists(o) and os.path.getmtime(o) > max(os.path.getmtime(h) for h in [f, *files("*.h")]):
            continue
        got = subprocess.run(["gcc", "-std=c11", "-O1", "-ffreestanding", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
                              "-Iinclude", "-I.", "-c", "-o", o, f], capture_output=True, text=True)
        if got.returncode != 0:
            yield f"{f} does not compile freestanding: {got.stderr[:200]}"
            return
    defined, undefined = set(), set()
    for line in subprocess.run(["nm", *objects], capture_output=True, text=True, check=True).stdout.split("\n"):
        parts = line.split()
        if len(parts) >= 2 and parts[-2] == "U":
            undefined.add(parts[-1])
        elif len(parts) == 3 and parts[1].isupper():
            defined.add(parts[2])
    for name in sorted(undefined - defined):
        if not re.match(r"(mem(cpy|move|set|cmp|chr)|strlen|tulle_crypto_\w+|tulle_panic_hook|__\w+|_GLOBAL_OFFSET_TABLE_)$", name):
            yield f"the engines' archive needs {name}"


def check_readme(build):
    """Every command block of the README that is marked `sh` and every C block must work."""
    text = code("README.md")
    for i, block in enumerate(re.findall(r"```c\n(.*?)```", text, flags=re.S)):
        path = f"build/readme_{i}.c"
        with open(path, "w", encoding="utf-8") as f:
            f.write(block)
        got = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude", path, f"{build}/libtulle.a", "-o",
                              path[:-2], "-lssl", "-lcrypto", "-lz", "-lpthread"], capture_output=True, text=True)
        if got.returncode != 0:
            yield f"README.md: its C example does not compile: {got.stderr[:400]}"
    if os.environ.get("TULLE_TIDY_INNER"):
        return
    env = dict(os.environ, TULLE_TIDY_INNER="1")
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.S):
        for line in block.strip().split("\n"):
            run = run_until_ready if re.match(r"make .*\bdemo\b", line) else run_to_end
            yield from run(line, env)


def run_to_end(line, env):
    got = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=env, timeout=1800)
    if got.returncode != 0:
        yield f"README.md: `{line}` ended with {got.returncode}: {(got.stdout + got.stderr)[-300:]}"


def run_until_ready(line, env):
    """A command that goes on until Ctrl-C: it must name its page, and end well when asked to."""
    child = subprocess.Popen(["sh", "-c", "exec " + line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=env, start_new_session=True)
    seen = ""
    for out in child.stdout:
        seen += out
        if "http://" in out:
            break
    else:
        yield f"README.md: `{line}` named no page: {seen[-300:]}"
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
    child.stdout.read()
    if child.wait(timeout=60) not in (0, 2, -signal.SIGINT, 130):  # make says 2 when it was interrupted
        yield f"README.md: `{line}` ended with {child.returncode} after Ctrl-C"


def main():
    global PUBLIC_NAMES
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    PUBLIC_NAMES = public_names()
    complaints = []
    for rule in (check_spdx, check_length, check_functions, check_includes, check_calls, check_untrusted, check_paths,
                 check_generated, check_headers, check_freestanding):
        complaints += rule()
    complaints += check_symbols(build)
    complaints += check_readme(build)
    for c in complaints:
        print(c)
    print(f"tidy: {len(complaints)} complaints")
    return 1 if complaints else 0


sys.exit(main())
