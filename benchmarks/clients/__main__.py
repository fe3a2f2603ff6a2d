"""Measures hot loops, layers and decoders, and publishes what they show."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from benchmarks.clients.decoders import DECODERS
from benchmarks.clients.layers import LAYERS
from benchmarks.clients.loops import CUSTOMERS, HOT_LOOPS
from benchmarks.clients.measuring import IN_FLIGHT, ROUNDS, Taken, measured
from benchmarks.load.databases import in_a_process
from benchmarks.peers.speed import cores
from benchmarks.reporting import Cell, Report, Table, shown

_QUESTION = f"""\
Where do the microseconds of a call go, and what else could carry it? {CUSTOMERS:,} customers are asked for (by httpx \
a tenth of them), with {IN_FLIGHT} calls in flight, without latency and without limit; the emulator has one core, the \
client the other. All ways take turns in one process; CPU is user and system time of the whole process, threads of \
Rust included. Medians of {ROUNDS} rounds, least and most in brackets.

The hot loop asks, reads the answer whole and parses its JSON, nothing more. Our layers are measured as a task has \
them: in a loop of uvloop with a thread of its own, each layer with all those before it; whole pulls store in SQLite. \
Answers are decoded apart from calls, in the order in which customers are asked for: many are the same, byte for byte.
"""


def main() -> None:
    """Measure everything; two minutes."""
    server_core, client_core = cores()
    if client_core is not None:
        os.sched_setaffinity(0, {client_core})
    with tempfile.TemporaryDirectory(prefix="airflow-home-") as home:
        os.environ["AIRFLOW_HOME"] = home  # Airflow reads it when it is first imported, in the process that measures
        loops, layers, decoded = in_a_process(measured, server_core)
    Report(
        name="clients",
        title="The client, layer by layer, and what else could carry a call",
        question=_QUESTION,
        tables=[_loop_table(loops), _layer_table(layers, loops[0]), _decoder_table(decoded)],
        reading=_reading(loops, layers, decoded),
        packages=("aiohttp", "uvloop", "pyreqwest", "wreq", "httpx", "httptools", "msgspec", "orjson"),
    ).publish()


def _loop_table(taken: Sequence[Taken]) -> Table:
    heads = ["the hot loop by", "loop", "calls/s", "CPU µs a call", "CPU, times the first", "adopted"]
    rows: list[list[Cell]] = [
        [one.title, one.loop, str(its.calls_per_second), str(its.micros), str(its.against(taken[0])), one.adopted]
        for one, its in zip(HOT_LOOPS, taken, strict=True)
    ]
    return Table("What could carry a call", heads, rows)


def _layer_table(taken: Sequence[Taken], bound: Taken) -> Table:
    rows: list[list[Cell]] = []
    before = 0.0
    for layer, its in zip(LAYERS, taken, strict=True):
        added, before = its.micros.median - before, its.micros.median
        rows.append([layer.title, str(its.calls_per_second), str(its.micros), added, str(its.against(bound))])
    heads = ["our client", "calls/s", "CPU µs a customer", "added µs", "CPU, times aiohttp's session"]
    return Table("Layer by layer, on uvloop", heads, rows)


def _decoder_table(taken: Sequence[Taken]) -> Table:
    rows: list[list[Cell]] = [
        [decoder.title, str(its.micros), decoder.adopted] for decoder, its in zip(DECODERS, taken, strict=True)
    ]
    return Table("What reads an answer", ["answers by", "CPU µs an answer", "adopted"], rows)


def _reading(loops: Sequence[Taken], layers: Sequence[Taken], decoded: Sequence[Taken]) -> list[str]:
    session, on_uvloop, _, ours, *_ = loops
    whole, bare, strategy = layers[-1], layers[0], layers[3]
    read, typed = decoded[0].micros.median, decoded[4].micros.median
    ours_adds, rest = strategy.micros.median - bare.micros.median, whole.micros.median - strategy.micros.median
    costs = (
        f"A call by aiohttp's session costs {_micros(session)}, on uvloop {_micros(on_uvloop)}; written to one of "
        f"aiohttp's connections directly, on uvloop, {_micros(ours)}."
    )
    layers_cost = (
        f"Of {_micros(whole)} for a customer of a whole pull the bare call is {_micros(bare)}; checks, limiter and "
        f"strategy add {shown(ours_adds)} µs, the ledger, publishing and Airflow {shown(rest)} µs."
    )
    reading_costs = (
        f"An answer is read and checked for {shown(read)} µs, since what is the same is read once; msgspec with types "
        f"takes {shown(typed)} µs, so that {shown(max(read - typed, 0.0))} µs of a customer could be saved at most."
    )
    threads = (
        f"Of the CPU of a whole pull {round(100 * whole.of_main_thread)} % is the main thread's, which stores and "
        "publishes and in which Airflow's task runner is; the rest is the loop's, which asks and reads."
    )
    return [costs, layers_cost, threads, reading_costs]


def _micros(taken: Taken) -> str:
    return f"{shown(taken.micros.median)} µs"


if __name__ == "__main__":
    main()
