"""Draws a figure as SVG: a bar for each server's median, a line over it from worst to best."""

from xml.sax.saxutils import escape

from peers.server import Role

WIDTH = 760
LABEL_WIDTH = 150
NUMBER_WIDTH = 110
BAR_HEIGHT = 18
ROW_HEIGHT = 28
TOP = 58

COLORS = {
    Role.SUBJECT: "#1f6fb2",
    Role.WORKERS: "#1f6fb2",
    Role.PEER: "#8a949e",
    Role.TUNED_PEER: "#a9b3bd",
    Role.INTEREST: "#c9d1d9",
    Role.LIMIT: "#d9b36c",
    Role.GRPC: "#d9b36c",
    Role.LIBRARY: "#8a949e",
}


def draw(figure, summary):
    """The figure's SVG."""
    names = summary.servers(figure.name)
    spreads = [summary.spread(figure.name, name) for name in names]
    limit = limit_of(figure, summary)
    top = max([spread.high for spread in spreads] + [limit or 0], default=0)
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / top if top > 0 else 0
    height = TOP + ROW_HEIGHT * len(names) + (34 if limit else 14)

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
    if limit:
        parts += limit_line(height, figure.limit_title, limit, scale)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def limit_of(figure, summary):
    """Where the line of the limit stands, if it is not the bar of a server."""
    comparison = summary.beside_limit(figure)
    if comparison is None or comparison.name in summary.servers(figure.name):
        return None
    return comparison.other.median


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


def limit_line(height, title, limit, scale):
    """A dashed line through all bars."""
    x = LABEL_WIDTH + scale * limit
    side = "end" if x > WIDTH / 2 else "start"
    return [
        f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 24}" stroke="#b35900"'
        ' stroke-dasharray="5 4"/>',
        text(x, height - 10, f"{title}: {number(limit)}", side, color="#b35900"),
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
