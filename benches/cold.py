#!/usr/bin/env python3
"""What a cold process takes from its start to its end: an expression, and queries over a file of 10,000 audit events.

    benches/cold.py [--kql BINARY] [--events 10000] [--runs 40]

Each run is a process of its own; the file lies in the page cache. Prints the fastest and the median time by the clock and the
processors' median, and how that stands to the bound of each line: 5 ms for an expression, 30 ms for a query over the file.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGINS = "where EventType has 'login' | summarize Logins = count() by Email = tostring(ActorSession.user.email) | top 10 by Logins"
RULE = ROOT / "queries" / "openai_off_hours_or_geo_login.yaml"


def took(command):
    """Seconds by the clock, and of the processors."""
    start = time.perf_counter()
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing, stderr=subprocess.PIPE)
        complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}: {complaint.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kql", type=pathlib.Path, help="the command; built when it is not given")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=40)
    options = parser.parse_args()
    if options.kql is None:
        subprocess.run(["cargo", "build", "--quiet", "--release"], check=True, cwd=ROOT)
    kql = options.kql or ROOT / "target" / "release" / "kql"
    directory = ROOT / "target" / "compare" / f"{options.events}-0"
    audit = directory / "audit.ndjson"
    if not audit.exists():
        command = ["cargo", "run", "--quiet", "--release", "--example", "generate", "--", "--events", str(options.events)]
        command += ["--completions", "0", "--directory", str(directory)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    loaded = ["--load", f"OpenAIAuditLogs={audit}", "--now", "max"]
    cases = [
        ("print 1", 5, ["-c", "print 1"]),
        ("a file: count", 30, ["-c", "OpenAIAuditLogs | count", *loaded]),
        ("a file: logins of users", 30, ["-c", f"OpenAIAuditLogs | {LOGINS}", *loaded]),
        ("a file: every column", 30, ["-c", "OpenAIAuditLogs | top 20 by TimeGenerated", *loaded]),
        ("a file: a rule", 30, ["run", str(RULE), *loaded]),
    ]
    if not options.kql:
        print(f"{kql.stat().st_size / 1e6:.1f} MB of binary")
    print(f"{'ms':<26}{'fastest':>9}{'median':>9}{'processors':>12}{'bound':>7}")
    for name, bound, args in cases:
        runs = [took([str(kql), *args]) for _ in range(options.runs)]
        clock, busy = zip(*runs)
        fastest, median = min(clock) * 1e3, statistics.median(clock) * 1e3
        verdict = "within" if median <= bound else "over"
        print(f"{name:<26}{fastest:>9.2f}{median:>9.2f}{statistics.median(busy) * 1e3:>12.2f}{bound:>7}  {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
