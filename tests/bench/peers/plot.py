"""Draws a figure as SVG: a bar for each server's median, a line over it from worst to best."""

from xml.sax.saxutils import escape

from peers.server import Role

WIDTH = 760
LABEL_WIDTH = 150
NUMBER_WIDTH = 110
BAR_HEIGHT = 18
ROW_HEIGHT = 28
LIMIT_HEIGHT = 20
TOP = 58
BOTTOM = 14

COLORS = {
    Role.SUBJECT: "#1f6fb2",
    Role.WORKERS: "#1f6fb2",
    Role.PEER: "#8a949e",
    Role.TUNED_PEER: "#a9b3bd",
    Role.INTEREST: "#c9d1d9",
    Role.LIMIT: "#d9b36c",
    Role.GRPC: "#d9b36c",
    Role.ECHO: "#d9b36c",
    Role.LIBRARY: "#8a949e",
}


def draw(figure, summary):
    """The figure's SVG."""
    names = summary.servers(figure.name)
    spreads = [summary.spread(figure.name, name) for name in names]
    limits = limits_of(figure, summary)
    values = [spread.high for spread in spreads] + [limit.other.median for limit in limits]
    top = max(values, default=0)
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / top if top > 0 else 0
    bars_end = TOP + ROW_HEIGHT * len(names)
    height = bars_end + LIMIT_HEIGHT * len(limits) + BOTTOM

    better = "less is better" if figure.less_is_better else "more is better"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(16, 24, figure.title, size=15),
        text(16, 43, f"{figure.unit}; {better}", color="#57606a"),
    ]
    for row, (name, spread) in enumerate(zip(names, spreads)):
        parts += bar(TOP + row * ROW_HEIGHT, name, COLORS[summary.role(name)], spread, scale)
    for row, limit in enumerate(limits):
        parts += limit_line(bars_end, row, limit, scale)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def limits_of(figure, summary):
    """The limits that are lines: those that are known, and not the bar of a server."""
    servers = summary.servers(figure.name)
    return [
        comparison
        for comparison in summary.beside_limits(figure)
        if comparison is not None and comparison.name not in servers
    ]


def bar(y, name, color, spread, scale):
    """One server."""
    middle = y + BAR_HEIGHT / 2
    low, high = (LABEL_WIDTH + scale * max(0, value) for value in (spread.low, spread.high))
    width = scale * max(0, spread.median)
    return [
        text(LABEL_WIDTH - 8, middle + 4, name, anchor="end"),
        f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}"'
        f' fill="{color}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#24292f"/>',
        text(max(high, LABEL_WIDTH + width) + 8, middle + 4, number(spread.median)),
    ]


def limit_line(bars_end, row, limit, scale):
    """A dashed line through all bars, and in a row below them its words."""
    value = limit.other.median
    x = LABEL_WIDTH + scale * value
    y = bars_end + row * LIMIT_HEIGHT + 14
    side = "end" if x > WIDTH / 2 else "start"
    return [
        f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bars_end}" stroke="#b35900"'
        ' stroke-dasharray="5 4"/>',
        text(x, y, f"{limit.name}: {number(value)}", side, color="#b35900"),
    ]


def text(x, y, words, anchor="start", size=13, color="#24292f"):
    """A line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="{color}">{escape(words)}</text>'
    )


def number(value):
    """Three digits at least, as the tables show them too."""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
