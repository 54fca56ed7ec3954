"""`<!-- generated: house -->`: the picture of rooms and doors, and a line for each room, from the code itself."""

import html
import itertools
from collections.abc import Iterator
from typing import Any

from imports import PACKAGES, read_modules, read_rooms, room_of, said_of
from layers import HEIGHT, WIDTH, Drawing, arrange

MARK = "<!-- generated: house -->"
FLOORS = ("hil", "models", "calibration", "radio.waveform", "radio")  # a frame each, from who knows most to least
COLOURS = {"hil": "#5c6bc0", "models": "#00897b", "calibration": "#b8860b", "radio": "#c2185b"}
MARGIN, TITLE, LEDGE, SPACE = 18.0, 30.0, 40.0, 44.0  # around a frame's rooms, above, below, and between frames


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put picture and list where the page asks for them."""
    return markdown.replace(MARK, f"{picture()}\n\n{listing()}") if MARK in markdown else markdown


def floor_of(room: str) -> str:
    """The frame that a room stands in."""
    return "radio.waveform" if f"{room}.".startswith("radio.waveform.") else room.partition(".")[0]


def listing() -> str:
    """Markdown: for every package a table of its rooms, what is in them and where their doors lead."""
    rooms = read_rooms()
    parts = []
    for package in PACKAGES:
        parts.append(f"## {package}\n\n| room | what is there | opens onto |\n| --- | --- | --- |")
        for room in sorted(name for name in rooms if name.partition(".")[0] == package):
            doors = " ".join(f"`{other}`" for other in sorted(rooms[room])) or "nobody"
            parts[-1] += f"\n| `{room}` | {said_of(room).replace('|', '&#124;')} | {doors} |"
    return "\n\n".join(parts)


def picture() -> str:
    """An SVG for the page: frames for the packages, boxes for rooms, lines for doors that no longer way implies."""
    rooms = read_rooms()
    drawings = {floor: arrange(_inside(floor, rooms)) for floor in FLOORS}
    size = {floor: (d.width + 2 * MARGIN, d.height + TITLE + LEDGE) for floor, d in drawings.items()}
    column = max(size[floor][0] for floor in FLOORS[2:])
    below = size["models"][0] + SPACE + column
    width = max(size["hil"][0], below)
    corner = {"hil": ((width - size["hil"][0]) / 2, 0.0)}
    top, left = size["hil"][1] + SPACE, (width - below) / 2
    corner["models"] = (left, top)
    for floor in FLOORS[2:]:
        corner[floor] = (left + size["models"][0] + SPACE + (column - size[floor][0]) / 2, top)
        top += size[floor][1] + SPACE
    height = max(top - SPACE, corner["models"][1] + size["models"][1])
    parts = [part for floor in FLOORS for part in _frame(floor, rooms, drawings[floor], corner[floor], size[floor])]
    head = (
        f'<div class="house"><svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4:.0f} {height + 4:.0f}" '
        'role="img" font-family="sans-serif" font-size="13" fill="currentColor" stroke="none">'
        "<title>Rooms and doors</title>"
    )
    return head + "".join([*parts, *_between(corner, size)]) + "</svg></div>"


def _inside(floor: str, rooms: dict[str, set[str]]) -> dict[str, set[str]]:
    """The doors among the rooms of a frame; its loose modules, open to all of them, are written below instead."""
    here = {room for room in rooms if floor_of(room) == floor and room != floor}
    return {room: rooms[room] & here for room in here}


def _frame(
    floor: str, rooms: dict[str, set[str]], drawing: Drawing, corner: tuple[float, float], size: tuple[float, float]
) -> Iterator[str]:
    colour, (x, y) = COLOURS[floor.partition(".")[0]], corner
    yield (
        f'<g transform="translate({x:.1f} {y:.1f})"><rect width="{size[0]:.1f}" height="{size[1]:.1f}" rx="8" '
        f'fill="{colour}" fill-opacity="0.07" stroke="{colour}"/>'
        f'<text x="12" y="20" font-weight="bold" fill="{colour}">{floor}</text>'
        f'<text x="{size[0] / 2:.1f}" y="{size[1] - 10:.1f}" text-anchor="middle" font-size="11">'
        f"{_loose(floor)}: open to every room of {floor}</text>"
        f'<g transform="translate({MARGIN} {TITLE})">'
    )
    for line in drawing.lines:
        yield f'<path d="{_curve(line)}" fill="none" stroke="currentColor" stroke-opacity="0.55" stroke-width="1.2"/>'
    for room, (u, v) in sorted(drawing.centres.items()):
        others = {other.partition(".")[0] for other in rooms[room]} - {floor.partition(".")[0]}
        dots = "".join(
            f'<circle cx="{u + WIDTH / 2 - 9 - 10 * i:.1f}" cy="{v + HEIGHT / 2:.1f}" r="4" '
            f'fill="{COLOURS[other]}" stroke="#fff"/>'
            for i, other in enumerate(sorted(others))
        )
        yield (
            f"<g><title>{html.escape(said_of(room))}</title>"
            f'<rect x="{u - WIDTH / 2:.1f}" y="{v - HEIGHT / 2:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
            f'fill="{colour}" stroke="{colour}"/><text x="{u:.1f}" y="{v + 4.5:.1f}" text-anchor="middle" '
            f'fill="#fff">{room.removeprefix(floor + ".")}</text>{dots}</g>'
        )
    yield "</g></g>"


def _loose(floor: str) -> str:
    names = [m.rpartition(".")[2] for m in read_modules() if room_of(m) == floor and m != floor]
    return ", ".join(names) if len(names) < 7 else f"{', '.join(names[:5])} and {len(names) - 5} more"


def _curve(points: list[tuple[float, float]]) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (u, v) in itertools.pairwise(points):
        middle = (y + v) / 2
        path += f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}"
    return path


def _between(corner: dict[str, tuple[float, float]], size: dict[str, tuple[float, float]]) -> Iterator[str]:
    """An arrow from each package to those that it knows; hil knows radio too, which its rooms' dots say."""

    def arrow(x: float, y: float, end: float) -> str:
        return (
            f'<path d="M{x:.1f} {y:.1f}V{end - 9:.1f}" stroke="currentColor" stroke-width="5" stroke-opacity="0.6"/>'
            f'<path d="M{x - 9:.1f} {end - 11:.1f}h18l-9 11z" fill-opacity="0.75"/>'
        )

    floor = corner["hil"][1] + size["hil"][1]
    for other in ("models", "calibration"):
        yield arrow(corner[other][0] + size[other][0] / 2, floor, corner[other][1])
    for upper, lower in (("calibration", "radio.waveform"), ("radio.waveform", "radio")):
        yield arrow(corner[lower][0] + size[lower][0] / 2, corner[upper][1] + size[upper][1], corner[lower][1])
