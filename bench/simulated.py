# SPDX-License-Identifier: MIT
"""bench: the bars that are simulated: paths, fairness (build/simpath) and opening (build/simopen), their rows into
build/bench.json."""
import json
import subprocess
import sys

from table import BUILD


def run(program, name, *options):
    found = BUILD / f"{program}_{name}.json"
    found.unlink(missing_ok=True)
    done = subprocess.run([str(BUILD / program), *options, "--json", str(found)], check=False)
    path = BUILD / "bench.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    rows.update(json.loads(found.read_text()))
    path.write_text(json.dumps(rows, indent="\t") + "\n")
    return done.returncode


def main():
    codes = [run("simpath", name, "--suite", name) for name in ("paths", "fairness")] + [run("simopen", "open")]
    if any(codes):
        print("FAILED a simulated bar is missed")
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
