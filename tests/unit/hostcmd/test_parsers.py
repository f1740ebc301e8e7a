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

"""Parsers on what real programs wrote (``tests/commands/outputs``).

Recorded on Debian 12: glusterfs 10.3, LVM 2.03.16, util-linux 2.38.1.
"""

import pathlib

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import system
from tests import base

_DIRECTORY = pathlib.Path(__file__).parents[2] / 'commands' / 'outputs'


def _output(name):
    return (_DIRECTORY / name).read_text()


@ddt.ddt
class DeviceParserTest(base.TestCase):
    """What is on a device."""

    def test_an_empty_device(self):
        found = device.parse_probe(
            'n1', _output('lsblk-empty.json'), _output('wipefs-empty.json')
        )

        self.assertTrue(found.is_empty)
        self.assertEqual('disk', found.kind)
        self.assertEqual(4 << 30, found.size_bytes)
        self.assertFalse(found.read_only)

    def test_a_file_system_that_the_kernel_does_not_know_of(self):
        found = device.parse_probe(
            'n1', _output('lsblk-empty.json'), _output('wipefs-ext4.json')
        )

        self.assertFalse(found.is_empty)
        self.assertEqual(('ext4',), found.signatures)

    def test_a_device_in_use_by_lvm(self):
        found = device.parse_probe(
            'n1', _output('lsblk-lvm.json'), _output('wipefs-lvm.json')
        )

        self.assertEqual(('LVM2_member',), found.signatures)
        self.assertEqual(('/srv/b',), found.mount_points)
        self.assertEqual(5, len(found.holders))
        self.assertIn('/dev/mapper/vgt-b', found.holders)

    def test_strings_of_an_old_lsblk(self):
        text = (
            '{"blockdevices": [{"name": "/dev/sdb", "type": "disk",'
            ' "size": "1024", "ro": "1", "mountpoint": null}]}'
        )

        found = device.parse_probe('n1', text, '')

        self.assertEqual(1024, found.size_bytes)
        self.assertTrue(found.read_only)

    @ddt.data(('{"blockdevices": []}', ''), ('{', ''), ('[]', ''), ('{}', ''))
    @ddt.unpack
    def test_what_is_not_understood(self, lsblk, wipefs):
        self.assertRaises(
            exceptions.OutputNotUnderstood,
            device.parse_probe,
            'n1',
            lsblk,
            wipefs,
        )

    def test_signatures_that_are_not_understood(self):
        error = self.assertRaises(
            exceptions.OutputNotUnderstood,
            device.parse_probe,
            'n1',
            _output('lsblk-empty.json'),
            'DEVICE OFFSET TYPE',
        )

        self.assertIn('wipefs', str(error))


class LvmParserTest(base.TestCase):
    """What LVM reports."""

    def test_physical_volumes(self):
        self.assertEqual(
            (
                lvm_report.PhysicalVolume(
                    device='/dev/ubdb',
                    uuid='KuJxTs-U0Mj-bfLV-oAsI-2EpD-A1Z1-zBAqFk',
                    vg_name='vgt',
                    device_bytes=4294967296,
                    vg_bytes=4290772992,
                    vg_free_bytes=1061158912,
                    extent_bytes=4194304,
                    vg_tags=(),
                ),
            ),
            lvm_report.physical_volumes('n1', _output('pvs.json')),
        )

    def test_logical_volumes(self):
        brick, pool = lvm_report.logical_volumes('n1', _output('lvs.json'))

        self.assertEqual(('b', 'pool', False), brick_facts(brick))
        self.assertEqual(('pool', '', True), brick_facts(pool))
        self.assertEqual(3.22, brick.data_percent)
        self.assertIsNone(brick.metadata_percent)
        self.assertEqual(11.82, pool.metadata_percent)
        self.assertEqual(4 << 20, pool.metadata_bytes)
        self.assertTrue(brick.is_active)

    def test_a_column_that_is_missing_is_named(self):
        text = '{"report": [{"lv": [{"lv_name": "x"}]}]}'

        error = self.assertRaises(
            exceptions.OutputNotUnderstood,
            lvm_report.logical_volumes,
            'n1',
            text,
        )

        self.assertIn('no column vg_name', str(error))

    def test_what_is_not_json(self):
        self.assertRaises(
            exceptions.OutputNotUnderstood,
            lvm_report.physical_volumes,
            'n1',
            'PV VG',
        )


def brick_facts(volume):
    return (volume.name, volume.pool, volume.is_pool)


@ddt.ddt
class GlusterParserTest(base.TestCase):
    """What gluster answers in XML."""

    def test_peers_with_one_that_is_down(self):
        found = gluster_xml.peers('n1', _output('pool-list-disconnected.xml'))

        self.assertEqual(
            [
                (('10.77.0.12',), True, 'Peer in Cluster'),
                (('10.77.0.13',), False, 'Peer in Cluster'),
                (('localhost',), True, ''),
            ],
            [(each.names, each.is_connected, each.state) for each in found],
        )

    def test_volumes(self):
        found = gluster_xml.volumes('n1', _output('volume-info-all.xml'))

        by_name = {each.name: each for each in found}
        volume = by_name['v6']
        self.assertEqual('Started', volume.status)
        self.assertEqual('Distributed-Replicate', volume.kind)
        self.assertEqual(3, volume.replica)
        self.assertEqual(
            [f'10.77.0.1{n}:/srv/b/w6' for n in (1, 2, 3)]
            + [f'10.77.0.1{n}:/srv/b/w6z' for n in (1, 2, 3)],
            list(volume.addresses),
        )
        self.assertEqual('on', volume.options['features.quota'])
        self.assertEqual(1, by_name['v7'].replica)

    def test_a_volume_that_is_absent_is_no_error(self):
        self.assertEqual(
            (), gluster_xml.volumes('n1', _output('volume-info-absent.xml'))
        )

    def test_names(self):
        self.assertIn(
            'v6', gluster_xml.volume_names('n1', _output('volume-list.xml'))
        )

    def test_an_option(self):
        self.assertEqual(
            'on', gluster_xml.option_value('n1', _output('volume-get.xml'))
        )

    def test_quota(self):
        self.assertEqual(
            (gluster_xml.QuotaLimit('/', 104857600, 0, 104857600),),
            gluster_xml.quota_limits('n1', _output('quota-limit.xml')),
        )

    @ddt.data('quota-no-limit.xml', 'quota-unset.xml')
    def test_quota_without_a_limit(self, name):
        self.assertEqual((), gluster_xml.quota_limits('n1', _output(name)))

    def test_bricks_that_run(self):
        text = _output('volume-status.xml')
        bricks = {
            f'10.93.0.{n}:/var/lib/gluster-heketi/mounts/vg_contract/brick_1/'
            'test_new_bricks_survive_a_power_cut-one'
            for n in (11, 12, 13)
        }
        first = '<status>1</status>'

        self.assertEqual(bricks, gluster_xml.bricks_online('n1', text))
        text = text.replace(first, '<status>0</status>', 1)
        [down] = bricks - gluster_xml.bricks_online('n1', text)
        self.assertIn('10.93.0.11:', down)

    def test_bricks_are_found_whatever_is_said_of_daemons(self):
        text = _output('volume-status.xml')
        bricks = gluster_xml.bricks_online('n1', text)
        ports = gluster_xml.brick_ports('n1', text)
        head, mark, rest = text.partition('<hostname>Self-heal')
        _, end, tail = rest.partition('</node>')
        daemon = f'{mark} Daemon</hostname><path>n1</path>{end}'
        text = head + '<node>'.join([daemon] * 1000) + tail

        self.assertEqual(bricks, gluster_xml.bricks_online('n1', text))
        self.assertEqual(ports, gluster_xml.brick_ports('n1', text))
        # What tells of daemons reads all of it.
        self.assertRaisesRegex(
            exceptions.OutputNotUnderstood,
            'no status in node',
            gluster_xml.daemons_down,
            'n1',
            text,
        )

    @ddt.data(300, -300)
    def test_a_status_that_breaks_off_before_all_bricks_are_read(self, end):
        head, _, _ = _output('volume-status.xml').partition(
            '<hostname>Self-heal'
        )
        self.assertRaises(
            exceptions.OutputNotUnderstood,
            gluster_xml.bricks_online,
            'n1',
            head[:end],
        )

    def test_where_bricks_listen(self):
        text = _output('volume-status.xml')
        first = '<status>1</status>'

        ports = gluster_xml.brick_ports('n1', text)
        self.assertEqual(
            {'10.93.0.11': 54740, '10.93.0.12': 55645, '10.93.0.13': 51289},
            {brick.partition(':')[0]: port for brick, port in ports.items()},
        )
        text = text.replace(first, '<status>0</status>', 1)
        self.assertEqual(2, len(gluster_xml.brick_ports('n1', text)))

    def test_daemons_that_do_not_run(self):
        text = _output('volume-status.xml')

        self.assertEqual((), gluster_xml.daemons_down('n1', text))
        bricks, mark, daemons = text.partition('<hostname>Self-heal')
        daemons = daemons.replace('<status>1<', '<status>0<')
        self.assertEqual(
            ('localhost', 'Self-heal Daemon'),
            gluster_xml.daemons_down('n1', bricks + mark + daemons)[0],
        )

    def test_rebalance(self):
        found = gluster_xml.rebalance('n1', _output('rebalance.xml'))

        self.assertEqual('in progress', found.status)
        self.assertEqual(0, found.failures)

    def test_health_with_a_brick_that_is_down(self):
        found = gluster_xml.brick_healths('n1', _output('heal-brick-down.xml'))

        self.assertEqual(
            [True, True, False] * 2, [each.is_connected for each in found]
        )
        self.assertEqual([0, 0, None] * 2, [each.pending for each in found])

    @ddt.data(
        ('volume-get-unknown.xml', 'option_value', exceptions.GlusterError),
        ('quota-disabled.xml', 'quota_limits', exceptions.GlusterError),
        ('quota-absent.xml', 'quota_limits', exceptions.GlusterError),
        ('quota-busy.xml', 'quota_limits', exceptions.GlusterBusy),
        ('rebalance-never.xml', 'rebalance', exceptions.GlusterError),
        ('heal-distribute.xml', 'brick_healths', exceptions.GlusterError),
        ('no-glusterd.txt', 'peers', exceptions.HostUnfit),
    )
    @ddt.unpack
    def test_refusals(self, name, parser, kind):
        error = self.assertRaises(
            exceptions.HostError,
            getattr(gluster_xml, parser),
            'n1',
            _output(name),
        )

        self.assertIs(kind, type(error))

    @ddt.data(
        '',
        '<cliOutput>',
        '<cliOutput/>',
        '<cliOutput><opRet>0</opRet><volInfo><volumes><volume/></volumes>'
        '</volInfo></cliOutput>',
        '<!DOCTYPE x [<!ENTITY a "b">]><cliOutput><opRet>0</opRet>'
        '</cliOutput>',
    )
    def test_what_is_not_understood(self, text):
        self.assertRaises(
            exceptions.OutputNotUnderstood, gluster_xml.volumes, 'n1', text
        )


class SystemParserTest(base.TestCase):
    """Versions, directory, clock."""

    def test_versions(self):
        found = system.parse_versions(_output('versions.txt'))

        self.assertEqual(
            system.Versions(
                gluster='10.3',
                lvm='2.03.16',
                xfs='6.1.0',
                thin_check='0.9.0',
                systemctl='252.38',
                openssl='3.0.19',
            ),
            found,
        )
        self.assertEqual((), found.missing)

    def test_tls_directory(self):
        self.assertEqual(
            '/usr/lib/ssl',
            system.parse_tls_directory('n1', _output('tls-directory.txt')),
        )

    def test_no_tls_directory(self):
        for text in ('', 'x/glusterfs.pem\n', '/a/x.pem\n/b/x.pem\n'):
            self.assertRaises(
                exceptions.OutputNotUnderstood,
                system.parse_tls_directory,
                'n1',
                text,
            )

    def test_clock(self):
        self.assertEqual(1.5, system.parse_clock('n1', '1.500000000\n'))
        self.assertRaises(
            exceptions.OutputNotUnderstood, system.parse_clock, 'n1', 'now'
        )
