# SPDX-License-Identifier: MIT
"""bench: the bars that are simulated: paths and fairness (build/simpath), its rows into build/bench.json."""
import json
import subprocess
import sys

from table import BUILD


def suite(name):
    found = BUILD / f"simpath_{name}.json"
    found.unlink(missing_ok=True)
    done = subprocess.run([str(BUILD / "simpath"), "--suite", name, "--json", str(found)], check=False)
    path = BUILD / "bench.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    rows.update(json.loads(found.read_text()))
    path.write_text(json.dumps(rows, indent="\t") + "\n")
    return done.returncode


def main():
    codes = [suite("paths"), suite("fairness")]
    if any(codes):
        print("FAILED a simulated bar is missed")
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
