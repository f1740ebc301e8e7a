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

"""Writes the capacity map as one page of HTML that needs nothing else."""

import datetime
from collections.abc import Iterator
from collections.abc import Sequence
from importlib import resources

from manila_gluster_heketi import allocator
from manila_gluster_heketi.cli import capacity_svg as svg
from manila_gluster_heketi.cli import capacity_tree as tree
from manila_gluster_heketi.cli import markup
from manila_gluster_heketi.cli.capacity_tree import Standing
from manila_gluster_heketi.cli.markup import Element
from manila_gluster_heketi.cli.markup import element
from manila_gluster_heketi.cli.sizes_shown import for_people
from manila_gluster_heketi.service import Report

# With more nodes zones are closed at first: their columns tell enough.
_MOST_OPEN = 200
# With fewer nodes in a zone there is nothing that columns would add.
_LEAST_COLUMNS = 12

# Nothing may be fetched, whatever a name in the page says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(
    reports: Sequence[Report],
    kind: allocator.Request,
    made: datetime.datetime,
    version: str,
) -> str:
    """Write the page.

    :param kind: of the volumes that the capacities are for
    :param made: when it is made, in UTC
    :param version: of this package
    """
    names = ', '.join(report.pool.cluster.name for report in reports)
    heading = f'Capacity of {names}' if names else 'No clusters'
    nodes = sum(_nodes(report) for report in reports)
    return markup.document(
        element(
            'html',
            _head(heading, version),
            element(
                'body',
                svg.patterns(),
                _header(heading, kind, made, version),
                element(
                    'main',
                    *(
                        _cluster(report, index, nodes <= _MOST_OPEN)
                        for index, report in enumerate(reports, 1)
                    ),
                ),
            ),
            lang='en',
        )
    )


def _head(heading: str, version: str) -> Element:
    style = resources.files('manila_gluster_heketi.cli').joinpath(
        'capacity_page.css'
    )
    return element(
        'head',
        element('meta', charset='utf-8'),
        element(
            'meta', http_equiv='Content-Security-Policy', content=_POLICY
        ),
        element(
            'meta',
            name='viewport',
            content='width=device-width, initial-scale=1',
        ),
        element('meta', name='color-scheme', content='light dark'),
        element(
            'meta',
            name='generator',
            content=f'manila-gluster-heketi {version}',
        ),
        # Else a browser asks the server for one.
        element('link', rel='icon', href='data:,'),
        element('title', heading),
        element('style', style.read_text(encoding='utf-8')),
    )


def _header(
    heading: str,
    kind: allocator.Request,
    made: datetime.datetime,
    version: str,
) -> Element:
    when = made.strftime('%Y-%m-%d %H:%M:%S UTC')
    volumes = f'Capacities are for volumes with {kind.durability}'
    volumes += f', spread {kind.spread}'
    if kind.tags:
        volumes += f', on devices with {kind.tags}'
    return element(
        'header',
        element('h1', heading),
        element(
            'p',
            'Made ',
            element('time', when, datetime=made.isoformat()),
            f' by gluster-heketi {version}. {volumes}.',
        ),
        _legend(),
    )


def _legend() -> Element:
    near = round(100 * tree.NOTABLE)
    words = {
        Standing.LEVEL: f'within {near} points of its fair level',
        Standing.ABOVE: f'more than {near} points above it',
        Standing.BELOW: f'more than {near} points below it',
        Standing.OFFLINE: 'offline: takes no new bricks',
    }
    return element(
        'section',
        element('h2', 'Legend', class_='quiet'),
        element(
            'ul',
            *(
                element('li', svg.sample(text, standing), text)
                for standing, text in words.items()
            ),
            element('li', element('span', class_='key stranded'), _STRANDED),
            element('li', element('span', class_='key fair'), _FAIR),
        ),
        class_='legend',
    )


_STRANDED = 'free but stranded: other zones or nodes have no match for it'
_FAIR = (
    'fair level: how full a device would be if what is stored could be '
    'cut at will'
)


def _cluster(report: Report, number: int, opened: bool) -> Element:
    zones = tree.zones_of(report)
    stranded = {
        each.domain: each.raw_bytes for each in report.pool.capacity.stranded
    }
    return element(
        'section',
        element('h2', f'Cluster {report.pool.cluster.name}'),
        element('dl', *_figures(report), class_='figures'),
        _zones(zones, number, stranded),
        *_hint(zones, opened),
        *(_zone(zone, number, opened, stranded) for zone in zones),
        class_='cluster',
    )


def _figures(report: Report) -> Iterator[Element]:
    pool, capacity, level = report.pool, report.pool.capacity, report.level
    stranded = ', '.join(each.domain for each in capacity.stranded[:3])
    more = len(capacity.stranded) - 3
    if more > 0:
        stranded += f' and {more} more'
    worst = 'none is above its level'
    for each in report.devices:
        if each.device.id == level.worst_id:
            where = f'{each.node.manage_host} {each.device.path}'
            worst = f'+{100 * level.worst:.1f}: {where}'
    fill = tree.Fill(capacity.raw_used_bytes, capacity.raw_total_bytes)
    shown = for_people
    for name, value, note in (
        ('Can hold', shown(capacity.total_data_bytes), 'in all, at most'),
        ('Free', shown(capacity.free_data_bytes), 'for shares, at most'),
        (
            'Largest share',
            shown(capacity.largest_volume_bytes),
            'that fits now',
        ),
        (
            'Allocated',
            shown(pool.allocated_bytes),
            f'to {tree.counted(pool.volumes, "volume")}',
        ),
        ('Raw space used', fill.percent, f'of {shown(fill.total_bytes)}'),
        ('Raw space free', shown(capacity.raw_free_bytes), 'and online'),
        (
            'Stranded',
            shown(capacity.raw_stranded_bytes),
            f'in {stranded}' if stranded else 'nothing is',
        ),
        ('Off level (rms)', f'{100 * level.rms:.1f} points', worst),
    ):
        yield element(
            'div',
            element('dt', name),
            element('dd', value),
            element('dd', note, class_='note'),
        )


def _zones(
    zones: Sequence[tree.Zone], number: int, stranded: dict[str, int]
) -> Element:
    """List the zones with bars to one scale."""
    largest = max((zone.fill.total_bytes for zone in zones), default=0)
    heads = ('Zone', 'Nodes', 'Devices', 'Fill', 'Used', 'Total', 'Stranded')
    rows = []
    for zone in zones:
        lost = stranded.get(f'zone {zone.number}', 0) + sum(
            stranded.get(node.host, 0) for node in zone.nodes
        )
        devices = f'{zone.devices}'
        if zone.offline:
            devices += f' ({zone.offline} offline)'
        link = element(
            'a', f'{zone.number}', href=f'#{_identity(number, zone)}'
        )
        rows.append(
            element(
                'tr',
                element('th', link, scope='row'),
                element('td', f'{len(zone.nodes)}'),
                element('td', devices),
                element('td', svg.zone(zone, largest, lost), class_='fills'),
                element('td', zone.fill.percent),
                element('td', for_people(zone.fill.total_bytes)),
                element('td', for_people(lost) if lost else '–'),
            )
        )
    return element(
        'div',
        element(
            'table',
            element(
                'thead',
                element(
                    'tr', *(element('th', head, scope='col') for head in heads)
                ),
            ),
            element('tbody', *rows),
        ),
        class_='zones',
    )


def _hint(zones: Sequence[tree.Zone], opened: bool) -> Iterator[Element]:
    words = []
    if any(len(zone.nodes) >= _LEAST_COLUMNS for zone in zones):
        words.append('A column is a node, as high as it is full.')
    if not opened:
        words.append('Open a zone to see its devices.')
    if words:
        yield element('p', ' '.join(words), class_='hint')


def _zone(
    zone: tree.Zone, number: int, opened: bool, stranded: dict[str, int]
) -> Element:
    summary = [
        element('h3', f'Zone {zone.number}'),
        element(
            'span',
            f'{tree.counted(len(zone.nodes), "node")}, '
            f'{tree.counted(zone.devices, "device")}, {zone.fill.percent} of '
            f'{for_people(zone.fill.total_bytes)}',
        ),
    ]
    if len(zone.nodes) >= _LEAST_COLUMNS:
        summary.append(svg.nodes(zone))
    made = element(
        'details',
        element('summary', *summary),
        element(
            'ul',
            *(_node(node, stranded.get(node.host, 0)) for node in zone.nodes),
            class_='nodes',
        ),
        id=_identity(number, zone),
        class_='zone',
    )
    if opened:
        made.set('open', '')
    return made


def _node(node: tree.Node, stranded_bytes: int) -> Element:
    heading = [element('span', node.host, class_='host', title=node.host)]
    if not node.online:
        heading.append(element('span', 'offline', class_='state'))
    note = f'{node.fill.percent} of {for_people(node.fill.total_bytes)}'
    if stranded_bytes:
        note += f', {for_people(stranded_bytes)} stranded'
    return element(
        'li',
        element('h4', *heading),
        element('p', note, *_tags(node.tags)),
        element('ul', *(_device(node.host, bar) for bar in node.bars)),
        class_='node' if node.online else 'node away',
    )


def _device(host: str, bar: tree.Bar) -> Element:
    return element(
        'li',
        # Cut at its beginning if need be: long paths differ at their ends.
        element('span', element('bdi', bar.path), class_='path'),
        svg.device(host, bar),
        element('span', bar.fill.percent, class_='use'),
        element('span', bar.points or 'offline', class_='points'),
        *_tags(bar.tags),
        class_='device',
    )


def _tags(tags: Sequence[str]) -> Iterator[Element]:
    if tags:
        yield element(
            'span',
            *(element('span', tag, class_='tag') for tag in tags),
            class_='tags',
        )


def _identity(number: int, zone: tree.Zone) -> str:
    return f'c{number}z{zone.number}'


def _nodes(report: Report) -> int:
    return len({each.node.id for each in report.devices})
