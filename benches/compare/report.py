"""What a run of `run.py` found, as text and as Markdown: loads, queries, how far the floors are, and the means."""

import math
import statistics

DUCK = "duckdb"


class Report:
    """The engines' answers of one run with one number of threads; kql's is `kql`."""

    def __init__(self, found, lines, files, options, threads):
        self.kql, self.peers = found["kql"], {name: it for name, it in found.items() if name != "kql"}
        self.lines, self.options, self.threads = lines, options, threads
        self.sizes = dict(zip(self.kql["loads"], (it.stat().st_size for it in files)))
        # Work of others on the machine disturbs processors' time least, but says nothing of what runs beside each other.
        self.measure = "busy" if threads == 1 else "seconds"
        self.queries = [name for name in lines if name in self.kql["queries"]]

    def took(self, engine, name, measure=None):
        """Median milliseconds, or nothing where an engine has no such query."""
        it = (self.kql if engine == "kql" else self.peers[engine])["queries"].get(name)
        return it and statistics.median(it[measure or self.measure]) * 1e3

    def best(self, name, measure=None, without=()):
        """The fastest peer and its milliseconds."""
        took = {it: self.took(it, name, measure) for it in self.peers if it not in without}
        took = {it: value for it, value in took.items() if value is not None}
        return min(took.items(), key=lambda it: it[1]) if took else (None, None)

    def differing(self):
        """Queries of which an engine gives another answer."""
        return [
            f"{name}: {it['title']} gives {it['queries'][name]['rows']}, kql {self.kql['queries'][name]['rows']}"
            for name in self.queries
            for it in self.peers.values()
            if name in it["queries"] and it["queries"][name]["rows"] != self.kql["queries"][name]["rows"]
        ]

    def heading(self):
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        measure = "processors' time" if self.measure == "busy" else "time by the clock"
        return (
            f"{self.options.events:,} audit events, {self.options.completions:,} chat completions and as many log lines, "
            f"{threads}, medians of {self.options.runs} runs, {measure}"
        )

    def versions(self):
        return ", ".join(f"{it['title']} {it['version']}" for it in self.peers.values())

    def load_rows(self):
        """Of each table: megabytes a second by the clock; and the peaks of memory. Engines as columns, kql first."""
        engines = [self.kql, *self.peers.values()]
        for name, size in self.sizes.items():
            yield f"{name}, MB/s", [f"{size / it['loads'][name]['seconds'] / 1e6:,.0f}" for it in engines]
        for name in self.sizes:
            yield f"resident after {name}, MB", [megabytes(it["loads"][name]["resident"]) for it in engines]
        for name in self.sizes:
            yield f"peak up to {name}, MB", [megabytes(it["loads"][name]["peak"]) for it in engines]
        yield "peak of the run, MB", [megabytes(it["peak"]) for it in engines]

    def floors(self):
        """Of each query with a floor: its name, the floor for so many rows, what it took on one thread, the factor.

        Few rows are no measure of it: binding a query takes as long as a floor for them.
        """
        if self.threads == 1 and self.options.events >= 200_000:
            for name in self.queries:
                if floor := self.lines[name].get("floor"):
                    floor *= self.options.events / 1e6
                    yield name, floor, self.took("kql", name), self.took("kql", name) / floor

    def summary(self):
        """Sentences: the means, the lines that are slower, the loads."""
        for measure, words in (("busy", "processors' time"), ("seconds", "the clock")):
            pairs = [(name, self.took("kql", name, measure)) for name in self.queries]
            duck = [self.took(DUCK, name, measure) / own for name, own in pairs if DUCK in self.peers and self.took(DUCK, name, measure)]
            best = [self.best(name, measure)[1] / own for name, own in pairs if self.best(name, measure)[0]]
            slower = [f"{name} ({self.best(name, measure)[1] / own:.2f}, {self.peers[self.best(name, measure)[0]]['title']})"
                      for name, own in pairs if self.best(name, measure)[0] and self.best(name, measure)[1] < own]
            yield (
                f"By {words}: geometric mean {mean(duck)} over DuckDB with structs, {mean(best)} over the best peer of each line; "
                f"slower than the best peer: {len(slower)} of {len(best)}" + (": " + ", ".join(slower) if slower else "")
            )
        for engine, words in ((DUCK, "DuckDB's load into structs"), ("json", "its load of JSON as text"), ("text", "its copy of the text")):
            if it := self.peers.get(engine):
                rates = [it["loads"][name]["seconds"] / self.kql["loads"][name]["seconds"] for name in self.sizes]
                yield f"Load over {words}: " + ", ".join(f"{name} {rate:.2f}x" for name, rate in zip(self.sizes, rates))
        if it := self.peers.get(DUCK):
            yield f"Peak memory: kql {megabytes(self.kql['peak'])} MB, {self.kql['peak'] / it['peak']:.2f} of DuckDB's {megabytes(it['peak'])}"
        floors = list(self.floors())
        if floors:
            yield f"Floors: {sum(it[3] <= 4 for it in floors)} of {len(floors)} within 4x, geometric mean {mean([it[3] for it in floors])}"

    def text(self):
        width = max(12, *(len(it["title"]) + 2 for it in self.peers.values())) if self.peers else 12
        titles = ["kql", *(it["title"] for it in self.peers.values())]
        head = lambda first: f"{first:<42}" + "".join(f"{it:>{width}}" for it in titles)
        yield f"{self.heading()}; {self.versions()}\n"
        yield head("load, by the clock")
        for name, cells in self.load_rows():
            yield f"{name:<42}" + "".join(f"{it:>{width}}" for it in cells)
        yield "\n" + head("query, ms") + f"{'over DuckDB':>13} {'over best':>10}  best peer, answer"
        for name in self.queries:
            took = [self.took(it, name) for it in ("kql", *self.peers)]
            engine, best = self.best(name)
            own, duck = took[0], self.took(DUCK, name) if DUCK in self.peers else None
            yield (
                f"{name:<42}" + "".join(f"{'–' if it is None else f'{it:.2f}':>{width}}" for it in took)
                + f"{ratio(duck, own):>13} {ratio(best, own):>10}  {self.peers[engine]['title'] if engine else ''}, "
                + str(self.kql["queries"][name]["rows"])
            )
        floors = list(self.floors())
        if floors:
            yield f"\n{'floor, ms':<42}{'floor':>12}{'kql':>12}{'factor':>12}"
        for name, floor, own, factor in floors:
            yield f"{name:<42}{floor:>12.2f}{own:>12.2f}{factor:>11.1f}x"
        yield ""
        yield from self.summary()
        for it in self.peers.values():
            yield from (f"{it['title']} failed at {name}: {why}" for name, why in it["failed"].items())
        yield from (f"THEY DIFFER: {it}" for it in self.differing())

    def markdown(self):
        titles = ["kql", *(it["title"] for it in self.peers.values())]
        yield f"{self.heading()[0].upper()}{self.heading()[1:]}. {self.versions()}.\n"
        yield "| query, ms | kql | DuckDB | best other |\n| --- | ---: | ---: | ---: |"
        for name in self.queries:
            own, duck = self.took("kql", name), self.took(DUCK, name) if DUCK in self.peers else None
            engine, other = self.best(name, without=[DUCK])
            cells = [figure(own), duck and f"{figure(duck)} ({ratio(duck, own)})"]
            cells.append(other and f"{figure(other)} ({ratio(other, own)}, {self.peers[engine]['title']})")
            yield f"| {self.lines[name]['title']} | " + " | ".join(it or "" for it in cells) + " |"
        yield f"\n| load, by the clock | {' | '.join(titles)} |\n| --- |{' ---: |' * len(titles)}"
        for name, cells in self.load_rows():
            yield f"| {name} | {' | '.join(cells)} |"
        floors = list(self.floors())
        if floors:
            yield "\n| floor | ms | kql | factor |\n| --- | ---: | ---: | ---: |"
        for name, floor, own, factor in floors:
            yield f"| {self.lines[name]['title']} | {figure(floor)} | {figure(own)} | {factor:.1f} |"
        yield ""
        yield from (f"* {it}." for it in self.summary())


def mean(ratios):
    return f"{math.exp(statistics.fmean(math.log(it) for it in ratios)):.2f}" if ratios else "–"


def ratio(theirs, own):
    return "–" if theirs is None else f"{theirs / own:.1f}×"


def figure(milliseconds):
    return f"{milliseconds:.2f}" if milliseconds < 1 else f"{milliseconds:.1f}" if milliseconds < 100 else f"{milliseconds:,.0f}"


def megabytes(number):
    return f"{number / 1e6:,.0f}"
