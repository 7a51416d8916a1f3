#!/usr/bin/env python3
"""Compares kql with other engines on generated OpenAI logs: loads, the source queries, micro queries, memory.

    benches/compare/run.py [--events 1000000] [--completions 1000000] [--runs 7] [--threads 1 ...] [--only NAME ...]
                           [--peers [NAME ...]] [--markdown FILE]
    benches/compare/run.py --scale [10000 100000 1000000 10000000]

Makes a virtual environment of its own beside itself, and its data under target/. Each engine has a process to itself; loads
are not part of a query's time, results are fetched. Times are medians of the runs: with one thread of the processors' time,
which other work on the machine disturbs least, with several of the clock. A query that takes long runs three times. Several
numbers of threads make several tables. Ends with 1 when an engine gives another number of rows.

`--scale` runs kql alone over growing numbers of audit events, and prints what a row costs.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import venv

from queries import MICRO
from report import Report, megabytes
from sources import SOURCES

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LINES = SOURCES | MICRO
# Engines and the packages they need; DuckDB with structs is there always.
PEERS = {
    "text": ["duckdb"], "json": ["duckdb", "pyarrow"], "variant": ["duckdb", "pyarrow"],
    "polars": ["polars"], "datafusion": ["datafusion"], "chdb": ["chdb"],
}


def python_with_duckdb():
    directory = HERE / ".venv"
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(directory, with_pip=True)
    if not install(python, ["duckdb", "pyarrow"]):
        raise SystemExit("DuckDB is not to be had here")
    return python


def install(python, packages):
    """Whether packages are there, or can be had."""
    if subprocess.run([python, "-c", f"import {', '.join(packages)}"], capture_output=True).returncode == 0:
        return True
    return subprocess.run([python, "-m", "pip", "install", "--quiet", *packages]).returncode == 0


def generate(options):
    directory = ROOT / "target" / "compare" / f"{options.events}-{options.completions}"
    files = [directory / "audit.ndjson", directory / "completions.ndjson", directory / "lines.ndjson"]
    if not all(it.exists() for it in files[:2]):
        produce(options.events, options.completions, directory)
    if not files[2].exists():
        write_lines(files[1], files[2])
    for file in files:
        read_once(file)
    return files


def produce(events, completions, directory):
    command = ["cargo", "run", "--quiet", "--release", "--example", "generate", "--", "--events", events]
    command += ["--completions", completions, "--directory", directory]
    subprocess.run([str(it) for it in command], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def read_once(file):
    """Brings a file into memory, so that the engine that loads it first does not wait for the disk in the others' stead."""
    with file.open("rb") as data:
        while data.read(1 << 24):
            pass


WORDS = """accepted account agent alert archive audit backup balance batch branch broker buffer build cache certificate change
channel client cluster commit connection consumer container context cursor daemon deadline delivery deploy device digest disk
dispatch drain driver endpoint entry epoch error event executor export failure fetch file filter flush forward frame gateway
handle header health host index ingest job journal kernel key lag latency lease ledger limit listener lock log mailbox member
message metric mirror module mount network node notify object offset operator order packet page parser partition payload peer
pending pipeline policy pool port process producer profile proxy queue quota reader record region release replica report
request reset resource response restart retry rollout route router rule runner schedule schema scope segment server session
shard signal snapshot socket source stage state storage stream subnet switch table target task template tenant thread ticket
timeout token topic trace traffic transfer trigger update upload vault version volume waiter watch window worker writer
zone""".split()


def write_lines(completions, path):
    """A long text and a JSON text for each completion, which name its request."""
    dice = random.Random(7)
    phrases = [" ".join(dice.choices(WORDS, k=dice.randint(4, 9))) for _ in range(5_000)]
    phrases += ["rollback of segment", "quorum lost on Shard", "new Certificates for host", "the certificate of peer"]
    with open(completions, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as out:
        for number, line in enumerate(source):
            it = json.loads(line)
            code = dice.randint(200, 599)
            text = f"{'; '.join(dice.choices(phrases, k=6))} status={code} request={number}"
            kind = dice.choice(("http", "dns", "file", "auth"))
            payload = {"kind": kind, "code": code, "number": number, "tags": [kind, str(code % 7)], "ok": code < 400}
            row = {"second": it["created"], "RequestId": it["request_id"], "Number": number, "Message": text}
            out.write(json.dumps(row | {"Payload": json.dumps(payload)}) + "\n")


def run(command):
    res = subprocess.run([str(it) for it in command], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return json.loads(res.stdout.strip().splitlines()[-1])


def compare(python, files, wanted, options, threads):
    """Runs the engines one after the other; what each found."""
    args = [*files, wanted, options.runs, threads]
    found = {"kql": run(["cargo", "bench", "--quiet", "--bench", "compare", "--", *args])}
    for engine in ["duckdb", *(it for it in PEERS if options.peers is not None and it in (options.peers or PEERS))]:
        if not install(python, PEERS.get(engine, ["duckdb"])):
            print(f"{engine}: not to be had here", file=sys.stderr)
            continue
        try:
            found[engine] = run([python, HERE / "peers.py", engine, *args])
        except subprocess.CalledProcessError as why:
            print(f"{engine}: ended with status {why.returncode}", file=sys.stderr)
    return found


def scale(options):
    """What a row costs as rows grow: kql alone, over audit events."""
    found = {}
    names = [it for it in LINES if "OpenAIChatCompletions" not in MICRO.get(it, {}).get("kql", "") and it != "config_change_then_abuse"]
    names = [it for it in names if "Lines" not in MICRO.get(it, {}).get("kql", "") and (options.only is None or it in options.only)]
    for events in options.scale or [10_000, 100_000, 1_000_000, 10_000_000]:
        directory = ROOT / "target" / "compare" / f"{events}-0"
        audit, empty, wanted = directory / "audit.ndjson", directory / "empty.ndjson", directory / "queries.json"
        if not audit.exists():
            produce(events, 0, directory)
        empty.touch()
        wanted.write_text(json.dumps({it: LINES[it] for it in names}), encoding="utf-8")
        read_once(audit)
        args = [audit, empty, empty, wanted, options.runs, options.threads[0]]
        found[events] = run(["cargo", "bench", "--quiet", "--bench", "compare", "--", *args]), audit.stat().st_size
    print(f"{'nanoseconds a row, ' + str(options.threads[0]) + ' threads':<34}" + "".join(f"{it:>14,}" for it in found))
    load = lambda it: it["loads"]["OpenAIAuditLogs"]
    rows = {
        "load, MB/s": [f"{size / load(it)['seconds'] / 1e6:,.0f}" for it, size in found.values()],
        "load": [f"{load(it)['seconds'] * 1e9 / events:,.1f}" for events, (it, _) in found.items()],
        "peak of the load, MB": [megabytes(load(it)["peak"]) for it, _ in found.values()],
    }
    for name in names:
        medians = {events: statistics.median(it["queries"][name]["busy"]) * 1e9 for events, (it, _) in found.items()}
        rows[name] = [f"{it / events:.2f}" for events, it in medians.items()]
    for name, cells in rows.items():
        print(f"{name:<34}" + "".join(f"{it:>14}" for it in cells))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--completions", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+", choices=list(LINES), metavar="NAME", help="queries by name")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), help="other engines than DuckDB; all when none is named")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="where the tables go as Markdown")
    parser.add_argument("--scale", type=int, nargs="*", metavar="ROWS", help="what a row costs in tables of so many")
    options = parser.parse_args()
    if options.scale is not None:
        return scale(options)
    python, files = python_with_duckdb(), generate(options)
    wanted = files[0].parent / "queries.json"
    wanted.write_text(json.dumps({it: LINES[it] for it in LINES if not options.only or it in options.only}), encoding="utf-8")
    reports = [Report(compare(python, files, wanted, options, it), LINES, files, options, it) for it in options.threads]
    print("\n\n".join("\n".join(it.text()) for it in reports))
    if options.markdown:
        options.markdown.write_text("\n\n".join("\n".join(it.markdown()) for it in reports) + "\n", encoding="utf-8")
    return 1 if any(it.differing() or not it.peers for it in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
