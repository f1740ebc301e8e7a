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

"""Draws the capacity map on a terminal, or into a file as plain text."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from manila_gluster_heketi.cli import capacity_tree as tree
from manila_gluster_heketi.cli.capacity_tree import Standing
from manila_gluster_heketi.cli.sizes_shown import for_people
from manila_gluster_heketi.service import Report

_NAME_PART = 0.3
_NOTES_PART = 0.25
_FIGURES = len(' 100 % of 1023.99 GiB ')
_LEAST_BAR = 10
_STYLES = {
    Standing.LEVEL: 'blue',
    Standing.ABOVE: 'bold red',
    Standing.BELOW: 'cyan',
    Standing.OFFLINE: 'dim',
}
_EIGHTHS = ' ▏▎▍▌▋▊▉'


def draw(reports: Sequence[Report], file: TextIO) -> None:
    """Draw all clusters; the terminal says how wide, and with what colours.

    Into a file without colours, 80 columns wide, or as COLUMNS says.
    """
    console = Console(file=file, highlight=False)
    picture = _Picture(console)
    for report in reports:
        console.print(_heading(report))
        for line in picture.lines(report):
            console.print(line, no_wrap=True, overflow='crop')
    console.print(
        Text(
            f'{picture.mark} is where a device should be; +N, -N: points '
            'above or below it.',
            style='dim',
        )
    )


class _Picture:
    """Lines of equal shape: a name, a bar, figures, and notes.

    :ivar mark: stands for the fair level in a bar
    """

    def __init__(self, console: Console) -> None:
        width = console.width
        self._plain = console.options.ascii_only
        self.mark = '|' if self._plain else '┃'
        self._name = int(width * _NAME_PART)
        notes = int(width * _NOTES_PART)
        self._bar = max(_LEAST_BAR, width - self._name - _FIGURES - notes)
        self._notes = max(0, width - self._name - _FIGURES - self._bar)

    def lines(self, report: Report) -> Iterator[Text]:
        """Draw a cluster's zones."""
        for zone in tree.zones_of(report):
            yield from self._zone(zone)
        yield Text()

    def _zone(self, zone: tree.Zone) -> Iterator[Text]:
        notes = tree.counted(zone.devices, 'device')
        if zone.offline:
            notes += f', {zone.offline} offline'
        yield self._line(f'zone {zone.number}', zone.fill, 'bold', notes)
        for node in zone.nodes:
            name = '  ' + self._cut(node.host, self._name - 3)
            words = ['' if node.online else 'offline', *node.tags]
            style = 'default' if node.online else 'dim'
            yield self._line(name, node.fill, style, _joined(words), node.fair)
            for bar in node.bars:
                yield self._device(bar)

    def _device(self, bar: tree.Bar) -> Text:
        # Long paths differ at their ends.
        name = '    ' + self._cut(bar.path[::-1], self._name - 5)[::-1]
        words = [bar.points or 'offline', *bar.tags]
        style = _STYLES[bar.standing]
        return self._line(name, bar.fill, style, _joined(words), bar.fair)

    def _line(
        self,
        name: str,
        fill: tree.Fill,
        style: str,
        notes: str,
        fair: float | None = None,
    ) -> Text:
        figures = f'{fill.percent:>6} of {for_people(fill.total_bytes)}'
        return Text.assemble(
            f'{name:<{self._name}}',
            *self._cells(fill.use, style, fair),
            f'{figures:<{_FIGURES}}',
            (self._cut(notes, self._notes), 'dim' if style == 'dim' else ''),
        )

    def _cut(self, text: str, width: int) -> str:
        if len(text) <= width:
            return text
        dots = '...' if self._plain else '…'
        return text[: max(0, width - len(dots))] + dots

    def _cells(
        self, use: float, style: str, fair: float | None
    ) -> Iterator[tuple[str, str]]:
        """Draw a bar; the mark takes the place of one of its cells."""
        eighths = round(min(1.0, use) * self._bar * 8)
        whole, rest = divmod(eighths, 8)
        if self._plain:
            filled = '#' * (whole + (rest >= 4))
            empty = '.'
        else:
            filled = '█' * whole + _EIGHTHS[rest].strip()
            empty = '░'
        cells = filled + empty * (self._bar - len(filled))
        if fair is None:
            yield cells, style
            return
        at = min(self._bar - 1, int(fair * self._bar))
        yield cells[:at], style
        yield self.mark, 'bold'
        yield cells[at + 1 :], style


def _heading(report: Report) -> Text:
    pool, capacity = report.pool, report.pool.capacity
    raw = tree.Fill(capacity.raw_used_bytes, capacity.raw_total_bytes)
    return Text.assemble(
        (f'cluster {pool.cluster.name}', 'bold'),
        f': {raw.percent} of {for_people(raw.total_bytes)} used'
        f', {for_people(capacity.raw_stranded_bytes)} stranded'
        f', off level by {100 * report.level.rms:.1f} points (rms)\n'
        f'can hold {for_people(capacity.total_data_bytes)}'
        f', free {for_people(capacity.free_data_bytes)}'
        f', largest share {for_people(capacity.largest_volume_bytes)}'
        f', {tree.counted(pool.volumes, "volume")}'
        f' of {for_people(pool.allocated_bytes)}',
    )


def _joined(words: list[str]) -> str:
    return ' '.join(word for word in words if word)
