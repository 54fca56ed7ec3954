"""What makes a rendered page of ours easy to use on a phone: links to its sections, and tables that need no width.

A page without scripts: everything is made here, from the page's own headings.
"""

import re

CONTENTS = "<!-- contents -->"  # where a template wants the links
MOST_COLUMNS = 4  # a phone has room for
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_TABLE = re.compile(r'<table( class="(?P<kind>[^"]*)")?>(?P<inside>.*?)</table>', re.DOTALL)
_HEAD_CELL = re.compile(r"<th(?: [^>]*)?>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<td((?: [^>]*)?)>")
_WIDTH = re.compile(r'colspan="(\d+)"')
_MATRIX = "grid"  # a table of pictures, of which both directions matter: it stays as it is


def fitted(page: str) -> str:
    """The page with links to its sections, and with every wide table's headings repeated in its cells."""
    return _TABLE.sub(_stackable, _linked(page))


def _linked(page: str) -> str:
    """Every <h2> becomes the target of a link in place of CONTENTS."""
    headings = _HEADING.findall(page)
    numbers = iter(range(len(headings)))
    page = _HEADING.sub(lambda found: f'<h2 id="section{next(numbers)}">{found[1]}</h2>', page)
    links = [f'<a href="#section{number}">{" ".join(title.split())}</a>' for number, title in enumerate(headings)]
    return page.replace(CONTENTS, f'<nav aria-label="Sections">{"".join(links)}</nav>' if links else "")


def _stackable(found: re.Match[str]) -> str:
    """A table whose cells say what they are; the style sheet shows that where rows are shown as blocks."""
    head, parting, body = found["inside"].partition("</thead>")
    titles = _HEAD_CELL.findall(head)
    kind = found["kind"] or ""
    if len(titles) <= MOST_COLUMNS or kind == _MATRIX:
        return found[0]
    return f'<table class="{kind} stack">{head}{parting}{_ROW.sub(lambda row: _row(row[1], titles), body)}</table>'


def _row(cells: str, titles: list[str]) -> str:
    place = 0

    def cell(found: re.Match[str]) -> str:
        nonlocal place
        title, width = titles[place] if place < len(titles) else "", _WIDTH.search(found[1])
        place += int(width[1]) if width else 1
        return found[0] if width else f'{found[0]}<span class="label">{title}</span>'

    return f"<tr>{_CELL.sub(cell, cells)}</tr>"
