"""Writes what a run has told: a table for people, JSON for programs, a plot for each figure."""

import json
import os

from peers import plot
from peers.server import Role
from peers.summary import SUBJECT

# The columns of the table of all servers, which has others than tlsd beside its workers.
SERVER_ROLES = (Role.SUBJECT, Role.PEER, Role.TUNED_PEER, Role.INTEREST, Role.LIMIT)


def write(folder, run, measured, summary):
    """Writes all into a folder. `run` says what was run and on what; `measured` are the figures."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write(table(run, measured, summary))
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results(run, measured, summary), file, indent=1)
        file.write("\n")
    for figure in measured:
        with open(os.path.join(folder, figure.name + ".svg"), "w", encoding="utf-8") as file:
            file.write(plot.draw(figure, summary))


def results(run, measured, summary):
    """What results.json holds."""
    return {
        **run,
        "figures": {
            figure.name: {
                "title": figure.title,
                "unit": figure.unit,
                "lessIsBetter": figure.less_is_better,
                "servers": {
                    name: spread_json(summary.spread(figure.name, name))
                    for name in summary.servers(figure.name)
                },
                "targets": [verdict_json(verdict) for verdict in summary.verdicts(figure)],
                "limits": [comparison_json(each) for each in summary.beside_limits(figure)],
            }
            for figure in measured
        },
    }


def spread_json(spread):
    """A spread, in JSON."""
    return {"median": spread.median, "low": spread.low, "high": spread.high}


def comparison_json(comparison):
    """tlsd beside somebody, in JSON; null for nobody."""
    if comparison is None:
        return None
    return {
        "beside": comparison.name,
        "other": spread_json(comparison.other),
        "advantage": spread_json(comparison.advantage),
    }


def verdict_json(verdict):
    """A target, in JSON."""
    return {
        "against": verdict.target.against,
        "bound": verdict.target.bound,
        "comparison": comparison_json(verdict.comparison),
        "reached": verdict.reached,
        "met": verdict.is_met,
    }


def table(run, measured, summary):
    """What table.md holds."""
    parts = [
        "# tlsd beside its peers\n\n"
        "Written by `tools/dev bench`; [README.md](README.md) says how to read it.\n",
        about(run),
        "## Targets\n\n" + targets(measured, summary),
        *limits(measured, summary),
        "## Every server\n\n" + every_server(measured, summary),
    ]
    if run["failures"]:
        parts.append("## What failed\n\n" + "".join(f"- {text}\n" for text in run["failures"]))
    return "\n".join(parts)


def about(run):
    """The machine and the servers, in a paragraph."""
    machine = run["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return (
        f"{run['date']}; {machine['system']}, Linux {machine['kernel']}, {machine['processors']}"
        f" processors, {machine['processor']}, {machine['memory_mib']} MiB;"
        f" rounds: {run['rounds']}, of {run['seconds']} s. {versions}.\n"
    )


def targets(measured, summary):
    """The table of tlsd beside the best of the others."""
    rows = []
    for figure in measured:
        for verdict in summary.verdicts(figure):
            subject = verdict.comparison.subject if verdict.comparison else SUBJECT
            rows.append(
                [
                    plot_link(figure),
                    value_text(summary.spread(figure.name, subject)),
                    beside_text(verdict.comparison),
                    ratio_text(verdict.comparison),
                    bound_text(verdict),
                    {True: "yes", False: "no", None: "-"}[verdict.is_met],
                ]
            )
    return markdown(["figure", "tlsd", "beside", "advantage", "target", "met"], rows)


def limits(measured, summary):
    """The section of tlsd beside what is possible, if anything is known of it."""
    rows = []
    for figure in measured:
        own = value_text(summary.spread(figure.name, SUBJECT))
        for comparison in summary.beside_limits(figure):
            if comparison is not None:
                rows.append([figure.title, own, beside_text(comparison), ratio_text(comparison)])
    if not rows:
        return []
    return ["## Limits\n\n" + markdown(["figure", "tlsd", "limit", "of the limit"], rows)]


def every_server(measured, summary):
    """The table of all medians."""
    with_servers = [
        figure for figure in measured if summary.best(figure, Role.LIBRARY) is None
    ]
    names = summary.names(SERVER_ROLES)
    rows = [row_of(figure, names, summary) for figure in with_servers]
    text = markdown(["figure", "unit", *names], rows)
    libraries = [figure for figure in measured if figure not in with_servers]
    if libraries:
        names = summary.names((Role.LIBRARY,))
        rows = [row_of(figure, names, summary) for figure in libraries]
        text += "\n" + markdown(["library alone", "unit", *names], rows)
    return text


def row_of(figure, names, summary):
    """What each server has reached of a figure."""
    spreads = [summary.spread(figure.name, name) for name in names]
    return [figure.title, figure.unit, *(value_text(spread) for spread in spreads)]


def plot_link(figure):
    """A figure's title, which leads to its plot."""
    return f"[{figure.title}]({figure.name}.svg)"


def beside_text(comparison):
    """Whom tlsd is compared with, and what they have reached."""
    if comparison is None:
        return "-"
    return f"{comparison.name}: {value_text(comparison.other)}"


def bound_text(verdict):
    """What is to be reached."""
    bound = f"{verdict.target.bound:g}"
    if verdict.target.against != "value":
        return bound + "x"
    return f"at most {bound}" if verdict.is_at_most else bound


def ratio_text(comparison):
    """An advantage with its spread."""
    if comparison is None:
        return "-"
    return f"{comparison.advantage.median:.2f}x {spread_text(comparison.advantage)}".strip()


def value_text(spread):
    """A median with its spread."""
    return f"{plot.number(spread.median)} {spread_text(spread)}".strip() if spread else "-"


def spread_text(spread):
    """Half of the range; nothing if there is none."""
    return f"±{100 * spread.relative:.0f} %" if spread.high > spread.low else ""


def markdown(head, rows):
    """A table of Markdown, in columns."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]

    def text(line):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |\n"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|\n"
    return text(head) + rule + "".join(text(row) for row in rows)
