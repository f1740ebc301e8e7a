# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Draws panels with axes and a legend as one SVG that needs nothing else."""

import dataclasses
import html
import math
from collections.abc import Iterator
from collections.abc import Sequence

# Okabe and Ito's colours, which people with any kind of sight tell apart.
_COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
_INK, _GRID = '#333333', '#dddddd'
_HEIGHT = 170
_LEFT, _ABOVE, _BELOW, _RIGHT = 56, 34, 56, 24
_HEAD, _FOOT, _ROW = 34, 16, 20
_LETTER = 7.2
_SMALL = 'font-size="10.5"'


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A value, with the worst one that it is the mean of if that is known."""

    x: float
    y: float
    worst: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """One diagram.

    :ivar series: points by the name that the legend has
    :ivar ticks: names along the x axis, at 0, 1, 2 ..., each of one line or
        more; numbers without
    :ivar lines: whether the points of a series are joined
    :ivar least: where the y axis begins
    :ivar goal: where a dashed line is drawn
    """

    title: str
    x_label: str
    series: dict[str, Sequence[Point]]
    ticks: Sequence[str] = ()
    lines: bool = True
    least: float = 0
    goal: float | None = None


def svg(
    title: str, panels: Sequence[Panel], columns: int = 2, wide: int = 300
) -> str:
    """Draw panels in rows, with a legend for all of them below.

    :param wide: each panel's x axis, in pixels
    """
    columns = max(1, min(columns, len(panels)))
    rows = -(-len(panels) // columns)
    cell_width = _LEFT + wide + _RIGHT
    cell_height = _ABOVE + _HEIGHT + _BELOW
    width = columns * cell_width
    names = list(dict.fromkeys(name for p in panels for name in p.series))
    colours = {
        name: _COLOURS[place % len(_COLOURS)]
        for place, name in enumerate(names)
    }
    legend = _legend(colours, width)
    below = _HEAD + rows * cell_height
    height = below + len(legend) * _ROW + _FOOT
    drawn = [
        _shifted(
            place % columns * cell_width + _LEFT,
            _HEAD + place // columns * cell_height + _ABOVE,
            ''.join(_Plot(panel, colours, wide).parts()),
        )
        for place, panel in enumerate(panels)
    ]
    drawn += [
        _shifted(0, below + (place + 1) * _ROW, row)
        for place, row in enumerate(legend)
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        + _text(width / 2, 22, title, anchor='middle', more='font-size="15"')
        + ''.join(drawn)
        + '</svg>\n'
    )


def steps(least: float, most: float) -> list[float]:
    """Choose round numbers from one value to at least another.

    :param most: one more than the least is used if it is no more than that
    """
    if most <= least:
        most = least + 1
    span = most - least
    size = 10.0 ** math.floor(math.log10(span / 4))
    size *= next(
        factor for factor in (1, 2, 5, 10) if span <= 5 * factor * size
    )
    first = math.floor(least / size + 1e-9)
    last = math.ceil(most / size - 1e-9)
    return [number * size for number in range(first, last + 1)]


class _Plot:
    """Draws one panel; y goes down, and 0 is where the plot begins."""

    def __init__(
        self, panel: Panel, colours: dict[str, str], wide: int
    ) -> None:
        self._panel = panel
        self._colours = colours
        self._wide = wide
        points = [point for each in panel.series.values() for point in each]
        values = [
            value
            for point in points
            for value in (point.y, point.worst, panel.goal)
            if value is not None
        ]
        self._y_steps = steps(panel.least, max(values, default=0))
        if panel.ticks:
            self._x_steps = [float(n) for n in range(len(panel.ticks))]
            self._x_from, self._x_to = -0.5, len(panel.ticks) - 0.5
        else:
            places = [point.x for point in points] or [0]
            self._x_steps = steps(min(places), max(places))
            self._x_from, self._x_to = self._x_steps[0], self._x_steps[-1]

    def parts(self) -> Iterator[str]:
        """Yield title, axes, goal and series."""
        yield _text(0, -12, self._panel.title, more='font-weight="bold"')
        yield from self._axes()
        if self._panel.goal is not None:
            yield self._rule(self._panel.goal, _INK, 'stroke-dasharray="4 3"')
        for place, (name, points) in enumerate(self._panel.series.items()):
            inside = [p for p in points if self._is_inside(p.y)]
            yield from self._series(inside, self._colours[name], place)

    def _axes(self) -> Iterator[str]:
        for step in self._y_steps:
            yield self._rule(step, _GRID)
            yield _text(-6, self._y(step) + 4, f'{step:.4g}', anchor='end')
        for index, step in enumerate(self._x_steps):
            name = f'{step:.4g}'
            if self._panel.ticks:
                name = self._panel.ticks[index]
            x = self._x(step)
            yield (
                f'<path d="M{x:.1f} {_HEIGHT}v4" stroke="{_INK}" '
                'fill="none"/>\n'
            )
            for line, words in enumerate(name.split('\n')):
                y = _HEIGHT + 17 + 13 * line
                yield _text(x, y, words, anchor='middle', more=_SMALL)
        yield (
            f'<path d="M0 0V{_HEIGHT}H{self._wide}" stroke="{_INK}" '
            'fill="none"/>\n'
        )
        lines = max(
            (name.count('\n') for name in self._panel.ticks), default=0
        )
        yield _text(
            self._wide / 2,
            _HEIGHT + 33 + 13 * lines,
            self._panel.x_label,
            anchor='middle',
        )

    def _rule(self, value: float, colour: str, more: str = '') -> str:
        y = self._y(value)
        return (
            f'<path d="M0 {y:.1f}h{self._wide}" stroke="{colour}" {more}/>\n'
        )

    def _series(
        self, points: Sequence[Point], colour: str, place: int
    ) -> Iterator[str]:
        """Yield marks, joined or beside those of other series."""
        shift = 0.0
        if not self._panel.lines:
            shift = 8.0 * (place - (len(self._panel.series) - 1) / 2)
        marks = [(self._x(p.x) + shift, self._y(p.y), p) for p in points]
        if self._panel.lines and len(marks) > 1:
            path = 'L'.join(f'{x:.1f} {y:.1f}' for x, y, _ in marks)
            # The first ones are wider, to be seen below others.
            wide = 1.4 + 0.45 * (len(self._panel.series) - 1 - place)
            yield (
                f'<path d="M{path}" fill="none" stroke="{colour}" '
                f'stroke-width="{wide:.1f}"/>\n'
            )
        for x, y, point in marks:
            if point.worst is not None:
                worst = self._y(max(point.worst, self._panel.least))
                yield (
                    f'<path d="M{x:.1f} {y:.1f}V{worst:.1f}m-3 0h6" '
                    f'stroke="{colour}" fill="none"/>\n'
                )
            yield (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" '
                f'fill="{colour}"/>\n'
            )

    def _is_inside(self, value: float) -> bool:
        return self._y_steps[0] <= value

    def _x(self, value: float) -> float:
        part = (value - self._x_from) / (self._x_to - self._x_from)
        return part * self._wide

    def _y(self, value: float) -> float:
        low, high = self._y_steps[0], self._y_steps[-1]
        return _HEIGHT * (1 - (value - low) / (high - low))


def _legend(colours: dict[str, str], width: float) -> list[str]:
    """Name the colours, in rows that are in the middle."""
    rows: list[list[str]] = [[]]
    left = width
    for name in colours:
        left -= _long(name)
        if left < 0 and rows[-1]:
            rows.append([])
            left = width - _long(name)
        rows[-1].append(name)
    return [''.join(_named(row, colours, width)) for row in rows]


def _named(
    names: Sequence[str], colours: dict[str, str], width: float
) -> Iterator[str]:
    x = (width - sum(map(_long, names))) / 2
    for name in names:
        yield (
            f'<path d="M{x:.1f} -4h14" stroke="{colours[name]}" '
            'stroke-width="4"/>\n' + _text(x + 18, 0, name)
        )
        x += _long(name)


def _long(name: str) -> float:
    """Guess how wide a name is with its mark."""
    return 30 + _LETTER * len(name)


def _shifted(x: float, y: float, drawn: str) -> str:
    return f'<g transform="translate({x:.0f} {y:.0f})">\n{drawn}</g>\n'


def _text(
    x: float, y: float, words: str, *, anchor: str = 'start', more: str = ''
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'fill="{_INK}" {more}>{html.escape(words)}</text>\n'
    )
