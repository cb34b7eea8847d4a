"""The page opens from disk, fetches nothing, and shows foreign text as text."""

from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote

from fer_keras.explanations.index_page import has_mark, index_page, is_ours

EVIL = "<script>alert('x')</script> & \"quoted\""


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.links, self.text, self.open = [], [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "img":
            self.sources.append(attrs["src"])
        if tag == "a":
            self.links.append(attrs["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        self.text += data


def page(caption="Some faces", note="A note", file="wrong/Sad(Fear).png"):
    files = [
        {"file": "correct/Happy.png", "kind": "figure", "caption": caption, "heading": "Right"},
        {"file": file, "kind": "figure", "caption": caption, "heading": "Wrong"},
        {"file": "maps.npz", "kind": "arrays", "caption": "raw", "heading": ""},
    ]
    record = {"files": files, "notes": [note], "reading": "Bright is much."}
    return index_page("What net looks at", [("network", EVIL)], [EVIL], [("grad-cam++", "about it", record)])


def test_foreign_text_is_escaped_everywhere():
    found = Page(page(caption=EVIL, note=EVIL, file=f"{EVIL}.png"))
    assert "script" not in [tag for tag, _ in found.tags]
    assert found.text.count(EVIL) >= 4  # the fact, the notes, the captions
    assert [attrs["alt"] for tag, attrs in found.tags if tag == "img"] == [f"{EVIL}."] * 2


def test_every_file_is_linked_by_a_path_beside_the_page():
    found = Page(page())
    assert [unquote(source) for source in found.sources] == [
        "grad-cam++/correct/Happy.png",
        "grad-cam++/wrong/Sad(Fear).png",
    ]
    assert "grad-cam++/maps.npz" in [unquote(link) for link in found.links]


def test_a_page_is_known_as_ours_and_anybody_elses_is_not():
    assert is_ours(page()) and {"name": "generator", "content": "fer_keras"} in [
        attrs for _, attrs in Page(page()).tags
    ]
    earlier = "<html lang='en'><head><meta charset='utf-8'>\n<title>What vgg25 &amp; more looks at</title><style>"
    assert is_ours(earlier)
    assert not is_ours("<title>My holidays</title><h1>What vgg25 looks at</h1>") and not is_ours("")


def test_a_page_says_what_it_was_made_of():
    marked = index_page("What net looks at", [], [], [], mark="a1")
    assert has_mark(marked, "a1") and not has_mark(marked, "a") and not has_mark(page(), "a1")


def test_nothing_comes_from_the_network():
    text = page()
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    assert not {"script", "link", "iframe"} & {tag for tag, _ in Page(text).tags}


def test_links_at_the_top_lead_to_the_sections():
    found = Page(page())
    anchors = {unquote(attrs["id"]) for tag, attrs in found.tags if tag == "section"}
    assert {unquote(link[1:]) for link in found.links if link.startswith("#")} == anchors == {"grad-cam++"}


def test_headings_have_an_order_and_elements_are_closed():
    found = Page(page())
    assert not found.open
    levels = [int(tag[1]) for tag, _ in found.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
