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


"""What objects say of themselves is what was said of them."""

import dataclasses
import json
import re

import ddt
import hypothesis
from hypothesis import strategies

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import spread
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd import node_record
from tests import base

_ID = '0123456789abcdef0123456789abcdef'
_OTHER = 'fedcba9876543210fedcba9876543210'

_BRICK = model.Brick(
    id=_ID,
    volume_id=_OTHER,
    device_id='d',
    set_index=12,
    position=2,
    size_bytes=1,
    vg_name='vg',
    pool_name='pool',
    lv_name='lv',
    mount_path='/m',
    brick_path='/m/brick',
)
_VOLUME = model.Volume(
    id=_ID,
    cluster_id=_OTHER,
    share_id='share',
    name='v',
    size_bytes=1,
    capacity_bytes=2,
    durability=durability.ARBITER,
    spread=spread.parse('zone:strict,rack:prefer'),
    state=model.VolumeState.READY,
    tags="disk = ssd and rack in ('a b', c%20)",
    average_file_bytes=4096,
)


@ddt.ddt
class TagsTestCase(base.TestCase):
    """Tags of volume groups and logical volumes."""

    def test_lvm_takes_them(self) -> None:
        """They have LVM's characters and are short."""
        for tag in (*marks.brick_tags(_BRICK), *marks.device_tags(_ID)):
            self.assertRegex(tag, r'^[A-Za-z0-9_+./=!:#&-]{1,1024}$')

    def test_a_brick(self) -> None:
        """In whatever order LVM has them, and with others among them."""
        tags = ('a', *reversed(marks.brick_tags(_BRICK)), 'z')
        self.assertEqual(
            marks.BrickMark(_ID, _OTHER, 12, 2), marks.brick_of(tags)
        )

    def test_a_device(self) -> None:
        """Its identity alone."""
        self.assertEqual(_ID, marks.device_of(marks.device_tags(_ID)))

    def test_foreign_objects(self) -> None:
        """They bear no mark, or somebody else's."""
        for tags in ((), ('heketi', 'gluster-heketi-not.brick.1')):
            self.assertIsNone(marks.brick_of(tags))
            self.assertEqual('', marks.device_of(tags))

    @ddt.data(names.TAG_BRICK, names.TAG_VOLUME, names.TAG_SET, 'position')
    def test_a_tag_is_missing(self, prefix: str) -> None:
        """It is named."""
        tags = [t for t in marks.brick_tags(_BRICK) if prefix not in t]
        error = self.assertRaises(ValueError, marks.brick_of, tags)
        self.assertIn(prefix, str(error))

    def test_two_tags_of_a_kind(self) -> None:
        """Nobody knows which one is right."""
        tags = (*marks.brick_tags(_BRICK), f'{names.TAG_SET}1')
        self.assertRaises(ValueError, marks.brick_of, tags)
        two = (*marks.device_tags(_ID), *marks.device_tags(_OTHER))
        self.assertRaises(ValueError, marks.device_of, two)


@ddt.ddt
class OptionsTestCase(base.TestCase):
    """Options of Gluster volumes."""

    def _back(self, volume: model.Volume) -> marks.VolumeMark:
        found = marks.volume_of({'nfs.disable': 'on'} | _said(volume))
        assert found is not None
        return found

    def test_a_volume(self) -> None:
        """All that Gluster does not know by itself."""
        self.assertEqual(
            marks.VolumeMark(
                _ID,
                'share',
                durability.ARBITER,
                _VOLUME.spread,
                _VOLUME.tags,
                4096,
            ),
            self._back(_VOLUME),
        )

    def test_no_value_is_empty(self) -> None:
        """Gluster refuses an empty one; it is empty when read back."""
        bare = dataclasses.replace(_VOLUME, share_id='', tags='')
        self.assertNotIn('', _said(bare).values())
        self.assertEqual(
            ('', ''), (self._back(bare).share_id, self._back(bare).tags)
        )

    # No surrogates: they are no text.
    @hypothesis.given(
        strategies.text(
            strategies.characters(exclude_categories=['Cs']), max_size=60
        )
    )
    def test_any_expression(self, text: str) -> None:
        """One printable word, so that no release of Gluster changes it."""
        volume = dataclasses.replace(_VOLUME, tags=text)
        value = _said(volume).get(names.OPTION_TAGS, '-')
        self.assertTrue(re.fullmatch(r'[!-~]+', value), value)
        self.assertEqual(text, self._back(volume).tags)

    def test_an_expression_that_glusterd_would_die_of(self) -> None:
        """Refused, before anything is made."""
        volume = dataclasses.replace(_VOLUME, tags='rack = ' + 'r' * 4000)
        error = self.assertRaises(
            exceptions.InvalidInput, marks.volume_options, volume
        )
        self.assertIn('tags', str(error))

    def test_a_foreign_volume(self) -> None:
        """It has no such option."""
        self.assertIsNone(marks.volume_of({'nfs.disable': 'on'}))

    @ddt.data(
        (names.OPTION_DURABILITY, None),
        (names.OPTION_DURABILITY, 'replicate:7'),
        (names.OPTION_SPREAD, None),
        (names.OPTION_SPREAD, 'zone:perhaps'),
        (names.OPTION_AVERAGE_FILE, None),
        (names.OPTION_AVERAGE_FILE, 'small'),
    )
    @ddt.unpack
    def test_options_that_make_no_sense(self, name, value) -> None:
        """Somebody has changed them."""
        options = _said(_VOLUME)
        del options[name]
        if value is not None:
            options[name] = value
        self.assertRaises(ValueError, marks.volume_of, options)


def _said(volume: model.Volume) -> dict[str, str]:
    return marks.volume_options(volume)


@ddt.ddt
class NodeRecordTestCase(base.TestCase):
    """The file that a node keeps."""

    cluster = model.Cluster(_ID, 'c1')
    node = model.Node(
        id=_OTHER,
        cluster_id=_ID,
        manage_host='gl1',
        storage_host='10.0.0.1',
        zone=3,
        tags={'rack': 'ä "b"', 'arbiter': 'disabled'},
    )
    devices = tuple(
        model.Device(
            id=identity,
            node_id=_OTHER,
            path=path,
            vg_name='vg',
            pool_name='pool',
            total_bytes=1,
            extent_bytes=1,
            state=model.EntryState.OFFLINE,
            tags={'disk': 'ssd'},
        )
        for identity, path in (('d2', '/dev/vdc'), ('d1', '/dev/vdb'))
    )

    def _text(self) -> str:
        return node_record.write(self.cluster, self.node, self.devices)

    def test_what_is_written_is_read(self) -> None:
        """Devices in order of their identities."""
        record = node_record.parse(self._text())
        self.assertEqual(
            node_record.NodeRecord(
                cluster_id=_ID,
                cluster_name='c1',
                node_id=_OTHER,
                manage_host='gl1',
                storage_host='10.0.0.1',
                zone=3,
                state=model.EntryState.ONLINE,
                tags=self.node.tags,
                devices=tuple(
                    node_record.DeviceEntry(
                        identity,
                        path,
                        model.EntryState.OFFLINE,
                        {'disk': 'ssd'},
                    )
                    for identity, path in (
                        ('d1', '/dev/vdb'),
                        ('d2', '/dev/vdc'),
                    )
                ),
            ),
            record,
        )

    def test_the_same_facts_make_the_same_text(self) -> None:
        """In whatever order they come."""
        turned = dataclasses.replace(
            self.node, tags=dict(reversed(self.node.tags.items()))
        )
        self.assertEqual(
            self._text(),
            node_record.write(self.cluster, turned, self.devices[::-1]),
        )

    @ddt.data('', '{', '[]', '7', '{"version": 1}')
    def test_no_record(self, text: str) -> None:
        """Neither half a file nor another one is taken for a record."""
        self.assertRaises(ValueError, node_record.parse, text)

    @ddt.data(
        ('version', 2), ('node', None), ('cluster', 'c1'), ('devices', {})
    )
    @ddt.unpack
    def test_a_field_that_is_wrong(self, name, value) -> None:
        """A later release's, or somebody's hand."""
        document = json.loads(self._text())
        document[name] = value
        self.assertRaises(ValueError, node_record.parse, json.dumps(document))


class MountTableTestCase(base.TestCase):
    """fstab and /proc/mounts."""

    def test_lines(self) -> None:
        """Blanks are written as \\040; what is no line is left out."""
        text = (
            '# /dev/a /a xfs\n'
            '\n'
            'broken\n'
            '/dev/vg/lv\t/mnt/with\\040blank xfs rw 0 0\n'
            'proc /proc proc\n'
        )
        self.assertEqual(
            (
                mount_table.Entry('/dev/vg/lv', '/mnt/with blank', 'xfs'),
                mount_table.Entry('proc', '/proc', 'proc'),
            ),
            mount_table.parse(text),
        )

    def test_names_of_a_device(self) -> None:
        """The device mapper's has each dash twice."""
        self.assertEqual(
            ('/dev/vg-1/a_b-c', '/dev/mapper/vg--1-a_b--c'),
            mount_table.devices_of('vg-1', 'a_b-c'),
        )
