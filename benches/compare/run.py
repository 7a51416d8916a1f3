#!/usr/bin/env python3
"""Compares kql with DuckDB on generated OpenAI logs: load time, the source queries, memory.

    benches/compare/run.py [--events 1000000] [--completions 200000] [--runs 7] [--threads 2]

Makes a virtual environment of its own beside itself, and its data under target/. Each engine has a process to itself; loads
are not part of a query's time, results are fetched. Times are medians of the runs.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def python_with_duckdb():
    directory = HERE / ".venv"
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(directory, with_pip=True)
    if subprocess.run([python, "-c", "import duckdb"], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "duckdb"], check=True)
    return python


def generate(options):
    directory = ROOT / "target" / "compare" / f"{options.events}-{options.completions}"
    files = [directory / "audit.ndjson", directory / "completions.ndjson"]
    if not all(it.exists() for it in files):
        command = ["cargo", "run", "--quiet", "--release", "--example", "generate", "--"]
        command += ["--events", str(options.events), "--completions", str(options.completions), "--directory", str(directory)]
        subprocess.run(command, check=True, cwd=ROOT)
    return files


def run(command):
    res = subprocess.run([str(it) for it in command], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return json.loads(res.stdout.strip().splitlines()[-1])


def megabytes(number):
    return f"{number / 1e6:,.0f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--completions", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    python, files = python_with_duckdb(), generate(options)
    args = [*files, options.runs, options.threads]
    ours = run(["cargo", "bench", "--quiet", "--bench", "compare", "--", *args])
    duck = run([python, HERE / "duck.py", *args])

    print(f"{options.events:,} events, {options.completions:,} completions, {options.threads} threads, {options.runs} runs, DuckDB {duck['version']}\n")
    print(f"{'load':<28} {'kql':>12} {'DuckDB':>12} {'DuckDB/kql':>11}   resident: kql, DuckDB")
    for name, path in zip(ours["loads"], files):
        left, right, size = ours["loads"][name], duck["loads"][name], path.stat().st_size
        speeds = [f"{size / it['seconds'] / 1e6:,.0f} MB/s" for it in (left, right)]
        memory = f"{megabytes(left['resident'])}, {megabytes(right['resident'])}"
        print(f"{name:<28} {speeds[0]:>12} {speeds[1]:>12} {right['seconds'] / left['seconds']:>10.2f}x   {memory}")
    print(f"\n{'query':<28} {'kql':>12} {'DuckDB':>12} {'DuckDB/kql':>11}   rows")
    differ = []
    for name, left in ours["queries"].items():
        right = duck["queries"][name]
        times = [statistics.median(it["seconds"]) * 1e3 for it in (left, right)]
        rows = str(left["rows"])
        if left["rows"] != right["rows"]:
            rows += f", DuckDB {right['rows']}: THEY DIFFER"
            differ.append(name)
        print(f"{name:<28} {times[0]:>9.2f} ms {times[1]:>9.2f} ms {times[1] / times[0]:>10.2f}x   {rows}")
    print(f"\npeak memory: kql {megabytes(ours['peak'])}, DuckDB {megabytes(duck['peak'])}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
