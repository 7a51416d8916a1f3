#!/usr/bin/env python3
"""Compares kql with DuckDB on generated OpenAI logs: load time, the source queries, micro queries, memory.

    benches/compare/run.py [--events 1000000] [--completions 1000000] [--runs 7] [--threads 1] [--only NAME ...] [--peers [NAME ...]]

Makes a virtual environment of its own beside itself, and its data under target/. Each engine has a process to itself; loads
are not part of a query's time, results are fetched. Times are medians of the runs: of the processors' time, which other
work on the machine disturbs least, and of the clock.
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

import queries as micro

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def python_with_duckdb():
    directory = HERE / ".venv"
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(directory, with_pip=True)
    install(python, "duckdb")
    return python


def install(python, package):
    """Whether a package is there, or can be had."""
    if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0:
        return True
    return subprocess.run([python, "-m", "pip", "install", "--quiet", package]).returncode == 0


PEERS = {"polars": "polars", "datafusion": "datafusion", "chdb": "chdb", "json": "duckdb"}


def compare_peers(engines, python, files, wanted, options, ours):
    """Runs the other engines one after the other and prints how they did beside kql; returns the queries that differ."""
    found, differ = {}, []
    for engine in engines:
        if not install(python, PEERS[engine]):
            print(f"{engine}: not to be had here")
            continue
        command = [python, HERE / "peers.py", engine, *files, wanted, options.runs, options.threads]
        try:
            found[engine] = run(command)
        except subprocess.CalledProcessError as why:
            print(f"{engine}: ended with status {why.returncode}")
    print("\nprocessors' time, median: kql, then the others with their multiple of it\n")
    print(f"{'':<24} {'kql':>12}" + "".join(f"{it + ' ' + found[it]['version']:>24}" for it in found))
    for name, path in zip(ours["loads"], files):
        left, size = ours["loads"][name]["seconds"], path.stat().st_size
        line = f"load {name:<19.19} {size / left / 1e6:>7,.0f} MB/s"
        for it in found.values():
            right = it["loads"][name]["seconds"]
            line += f"{size / right / 1e6:>10,.0f} MB/s {right / left:>7.1f}x"
        print(line + "   (by the clock)")
    for name, left in ours["queries"].items():
        if not any(name in it["queries"] for it in found.values()):
            continue
        own = statistics.median(left["busy"]) * 1e3
        line = f"{name:<24} {own:>9.2f} ms"
        for engine, it in found.items():
            right = it["queries"].get(name)
            if right is None:
                line += f"{'–':>24}"
                continue
            busy = statistics.median(right["busy"]) * 1e3
            line += f"{busy:>13.1f} ms {busy / own:>6.1f}x" + " "
            if right["rows"] != left["rows"]:
                line += f"[{right['rows']} for {left['rows']}: THEY DIFFER]"
                differ.append(f"{name} in {engine}")
        print(line)
    print(f"{'peak memory':<24} {megabytes(ours['peak']):>12}" + "".join(f"{megabytes(it['peak']):>24}" for it in found.values()))
    for engine, it in found.items():
        for name, why in it["failed"].items():
            print(f"{engine} failed at {name}: {why}")
    return differ


def generate(options):
    directory = ROOT / "target" / "compare" / f"{options.events}-{options.completions}"
    files = [directory / "audit.ndjson", directory / "completions.ndjson", directory / "lines.ndjson"]
    if not all(it.exists() for it in files[:2]):
        command = ["cargo", "run", "--quiet", "--release", "--example", "generate", "--"]
        command += ["--events", str(options.events), "--completions", str(options.completions), "--directory", str(directory)]
        subprocess.run(command, check=True, cwd=ROOT)
    if not files[2].exists():
        write_lines(files[1], files[2])
    for file in files:
        read_once(file)
    return files


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


def megabytes(number):
    return f"{number / 1e6:,.0f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--completions", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="micro queries by name; none for the source queries alone")
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), help="other engines to run; all when none is named")
    options = parser.parse_args()
    python, files = python_with_duckdb(), generate(options)
    names = [it for it in micro.MICRO if options.only is None or it in options.only]
    wanted = files[0].parent / "queries.json"
    wanted.write_text(json.dumps({name: micro.MICRO[name] for name in names}), encoding="utf-8")
    args = [*files, wanted, options.runs, options.threads]
    ours = run(["cargo", "bench", "--quiet", "--bench", "compare", "--", *args])
    duck = run([python, HERE / "duck.py", *args])

    print(f"{options.events:,} events, {options.completions:,} completions, {options.threads} threads, {options.runs} runs, DuckDB {duck['version']}\n")
    print(f"{'load':<28} {'kql':>12} {'DuckDB':>12} {'DuckDB/kql':>11}   resident: kql, DuckDB")
    for name, path in zip(ours["loads"], files):
        left, right, size = ours["loads"][name], duck["loads"][name], path.stat().st_size
        speeds = [f"{size / it['seconds'] / 1e6:,.0f} MB/s" for it in (left, right)]
        memory = f"{megabytes(left['resident'])}, {megabytes(right['resident'])}"
        print(f"{name:<28} {speeds[0]:>12} {speeds[1]:>12} {right['seconds'] / left['seconds']:>10.2f}x   {memory}")
    print(f"\n{'query':<28} {'kql':>12} {'DuckDB':>12} {'DuckDB/kql':>11} {'by clock':>11}   answer")
    differ = []
    for name, left in ours["queries"].items():
        right = duck["queries"][name]
        busy, clock = ([statistics.median(it[key]) * 1e3 for it in (left, right)] for key in ("busy", "seconds"))
        answer = str(left["rows"])
        if left["rows"] != right["rows"]:
            answer += f", DuckDB {right['rows']}: THEY DIFFER"
            differ.append(name)
        ratios = [it[1] / it[0] for it in (busy, clock)]
        print(f"{name:<28} {busy[0]:>9.2f} ms {busy[1]:>9.2f} ms {ratios[0]:>10.2f}x {ratios[1]:>10.2f}x   {answer}")
    print(f"\npeak memory: kql {megabytes(ours['peak'])}, DuckDB {megabytes(duck['peak'])}")
    if options.peers is not None:
        differ += compare_peers(options.peers or list(PEERS), python, files, wanted, options, ours)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
