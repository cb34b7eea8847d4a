"""Text for people at a terminal: aligned columns and lengths of time."""

from collections.abc import Iterable, Sequence


def say(text: str = "") -> None:
    """Print a line at once, so that a log file shows it too."""
    print(text, flush=True)


def columns(rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> str:
    """Return rows of text as aligned columns, those of the indices in `right` to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            f"{cell:>{width}}" if i in right else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and values as two columns, indented."""
    return "\n".join(f"  {line}" for line in columns(rows).splitlines())


def listed(names: Iterable[str]) -> str:
    """Return names in a sentence: "a", "a and b", "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """Return a number of things: "1 epoch", "3,000 epochs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a length of time for people: "45 s", "12 min", "1 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
