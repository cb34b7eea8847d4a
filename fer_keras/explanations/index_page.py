"""index.html: every picture of a folder of explanations on one page that opens from disk.

Nothing is fetched from anywhere: styles are inside, pictures lie beside the page. Whatever comes from outside, such as
the name of a run, a path or a layer, is escaped.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import quote

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; max-width: 72rem;
  padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: .5rem 0; }
h2 { font-size: 1.35rem; margin: 3rem 0 .25rem; padding-top: .75rem; border-top: 2px solid #ddd; }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .15rem 1.5rem .15rem 0; overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
.note { background: #fff6dd; border-left: 4px solid #e69f00; padding: .5rem .9rem; margin: .75rem 0; }
figure { margin: 1rem 0 1.75rem; }
figure img { max-width: 100%; height: auto; border: 1px solid #e4e4e4; }
figcaption { color: #444; font-size: .92rem; max-width: 52rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); gap: 0 1.5rem;
  align-items: start; }
.files { color: #444; font-size: .92rem; }
@media (max-width: 40rem) { .gallery { grid-template-columns: 1fr; } }
"""

_GENERATOR = '<meta name="generator" content="fer_keras">'  # who made the page: nobody else's is written over


def index_page(
    title: str,
    facts: Sequence[tuple[str, str]],
    notes: Sequence[str],
    methods: Sequence[tuple[str, str, Mapping[str, Any]]],
    *,
    mark: str = "",
) -> str:
    """Return the page as text.

    Args:
        title: of the page.
        facts: what was explained: names and values.
        notes: what a reader must not miss.
        methods: for each its name, which is its folder too, what it shows, and what its done.json holds.
        mark: what `has_mark` knows the page by: letters and digits that tell what is explained.
    """
    rows = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    links = "".join(f"<li><a href='#{_anchor(name)}'>{escape(name)}</a></li>" for name, _, _ in methods)
    parts = [
        "<!doctype html>",
        "<html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        _GENERATOR,
        _marked(mark),
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>{escape(title)}</h1>",
        *(_note(note) for note in notes),
        f"<table>{rows}</table>",
        f"<nav aria-label='Methods'><ul>{links}</ul></nav></header><main>",
        *(_section(name, about, record) for name, about, record in methods),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def is_ours(page: str) -> bool:
    """Tell whether a page is one that `index_page` made, by this or an earlier version, and not somebody's own."""
    return _GENERATOR in page or re.search(r"<title>What [^<]* looks at</title>", page) is not None


def has_mark(page: str, mark: str) -> bool:
    return _marked(mark) in page


def _marked(mark: str) -> str:
    return f'<meta name="fer_keras-explained" content="{escape(mark)}">'


def _section(name: str, about: str, record: Mapping[str, Any]) -> str:
    files = record["files"]
    figures = [file for file in files if file["kind"] == "figure"]
    parts = [f"<section id='{_anchor(name)}'><h2>{escape(name)}</h2>", f"<p>{escape(_sentence(about))}</p>"]
    parts += [f"<p>{escape(record['reading'])}</p>"] if record["reading"] else []
    parts += [_note(note) for note in record["notes"]]
    for heading, group in groupby(figures, key=lambda file: file["heading"]):
        shown = [_figure(name, file) for file in group]
        if heading:
            parts.append(f"<h3>{escape(heading)}</h3>")
        parts.append(f"<div class='gallery'>{''.join(shown)}</div>" if len(shown) > 2 else "".join(shown))
    data = [file for file in files if file["kind"] != "figure"]
    if data:
        links = (f"<li>{_link(name, file)}: {escape(_sentence(file['caption']))}</li>" for file in data)
        parts.append(f"<h3>Numbers</h3><ul class='files'>{''.join(links)}</ul>")
    return "\n".join([*parts, "</section>"])


def _figure(method: str, file: Mapping[str, str]) -> str:
    caption, address = escape(_sentence(file["caption"])), _address(method, file)
    return (
        f"<figure><a href='{address}'><img src='{address}' alt='{caption}' loading='lazy'></a>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _link(method: str, file: Mapping[str, str]) -> str:
    return f"<a href='{_address(method, file)}'>{escape(file['file'])}</a>"


def _address(method: str, file: Mapping[str, str]) -> str:
    return address(f"{method}/{file['file']}")


def address(path: str) -> str:
    """Return how the page spells a relative path: "grad-cam%2B%2B/maps.npz"."""
    return escape(quote(path))


def _anchor(name: str) -> str:
    return escape(quote(name))


def _note(text: str) -> str:
    return f"<p class='note'>{escape(text)}</p>"


def _sentence(text: str) -> str:
    """Return a caption as a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
