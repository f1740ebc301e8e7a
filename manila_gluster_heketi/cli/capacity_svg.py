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

"""Pictures of the capacity map, sized by the page that they stand in."""

from manila_gluster_heketi.cli import capacity_tree as tree
from manila_gluster_heketi.cli.capacity_tree import Standing
from manila_gluster_heketi.cli.markup import Element
from manila_gluster_heketi.cli.markup import element
from manila_gluster_heketi.cli.sizes_shown import for_people

_PATTERNS = (
    # name, path of the lines, distance between them
    ('above', 'M0 0L8 8M-2 6L2 10M6 -2L10 2', '8'),
    ('below', 'M0 3H6', '6'),
    ('offline', 'M0 0L6 6M0 6L6 0', '6'),
    ('stranded', 'M0 6L6 0M-1 1L1 -1M5 7L7 5', '6'),
)


def patterns() -> Element:
    """Define what bars are filled with, so that colour is not all."""
    made = [
        element(
            'pattern',
            element('rect', width=size, height=size, class_='ground'),
            element('path', d=path, class_='lines'),
            id=name,
            class_=name,
            width=size,
            height=size,
            patternUnits='userSpaceOnUse',
        )
        for name, path, size in _PATTERNS
    ]
    return element(
        'svg',
        element('defs', *made),
        class_='patterns',
        width='0',
        height='0',
        aria_hidden='true',
    )


def device(host: str, bar: tree.Bar) -> Element:
    """Draw a device: how full it is, and a mark where it should be."""
    words = f'{bar.path} on {host}: {_words(bar.fill)}'
    if bar.fair is None:
        words += ', offline'
    else:
        words += (
            f', fair level {tree.percent(bar.fair)} ({bar.points} points)'
        )
    if bar.tags:
        words += f', {" ".join(bar.tags)}'
    return _bar(words, bar.fill, bar.standing, bar.fair)


def sample(words: str, standing: Standing) -> Element:
    """Draw an example for the legend."""
    fair = None if standing is Standing.OFFLINE else 0.5
    use = {Standing.ABOVE: 75, Standing.BELOW: 25}.get(standing, 52)
    return _bar(words, tree.Fill(use, 100), standing, fair)


def zone(of: tree.Zone, largest_bytes: int, stranded_bytes: int) -> Element:
    """Draw a zone as long as it is large, beside the largest one."""
    scale = 100 / max(1, largest_bytes)
    total = of.fill.total_bytes * scale
    words = f'zone {of.number}: {_words(of.fill)}'
    parts = [
        _rect('track', 0, total),
        _rect('fill', 0, of.fill.used_bytes * scale),
    ]
    if stranded_bytes:
        words += f', {for_people(stranded_bytes)} free but stranded'
        width = stranded_bytes * scale
        parts.append(_rect('lost', total - width, width))
    return element(
        'svg',
        element('title', words),
        *parts,
        class_='bar scaled level',
        role='img',
    )


def nodes(of: tree.Zone) -> Element:
    """Draw each node of a zone as a column, to see them all at once."""
    step = 100 / len(of.nodes)
    return element(
        'svg',
        element('title', f'Nodes of zone {of.number}'),
        element(
            'desc',
            'A column for each node, as high as the node is full, with a '
            'mark where it should be.',
        ),
        *(
            _column(node, index * step, step * 0.8)
            for index, node in enumerate(of.nodes)
        ),
        class_='strip',
        style=f'max-width: {len(of.nodes)}rem',
        role='img',
    )


def _column(node: tree.Node, left: float, width: float) -> Element:
    use = min(1.0, node.fill.use)
    standing = tree.standing(use, node.fair)
    where = {'x': _percent(left), 'width': _percent(width)}
    parts = [
        element('title', f'{node.host}: {_words(node.fill)}'),
        element('rect', class_='track', height='100%', **where),
        element(
            'rect',
            class_='fill',
            y=_percent(100 * (1 - use)),
            height=_percent(100 * use),
            **where,
        ),
    ]
    if node.fair is not None:
        top = _percent(100 * (1 - node.fair))
        parts.append(
            element('rect', class_='fair', y=top, height='2', **where)
        )
    return element('g', *parts, class_=standing.value)


def _bar(
    words: str, fill: tree.Fill, standing: Standing, fair: float | None
) -> Element:
    parts = [
        element('title', words),
        _rect('track', 0, 100),
        _rect('fill', 0, 100 * min(1.0, fill.use)),
    ]
    if fair is not None:
        parts.append(
            element(
                'rect',
                class_='fair',
                x=_percent(100 * fair),
                width='2',
                height='100%',
            )
        )
    return element(
        'svg', *parts, class_=f'bar {standing.value}', role='img'
    )


def _rect(kind: str, left: float, width: float) -> Element:
    return element(
        'rect',
        class_=kind,
        x=_percent(left),
        width=_percent(width),
        height='100%',
    )


def _percent(number: float) -> str:
    return f'{number:.2f}%'


def _words(fill: tree.Fill) -> str:
    return (
        f'{fill.percent} used, {for_people(fill.used_bytes)} of '
        f'{for_people(fill.total_bytes)}'
    )
