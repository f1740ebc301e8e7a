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

"""What Manila's share manager does with the driver."""

import json

import ddt
import fixtures
from manila import exception as manila_exception

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from tests.functional.driver import backend
from tests.functional.interference import fail


@ddt.ddt
class ShareTestCase(backend.BackendTestCase):
    """The life of a share."""

    def setUp(self) -> None:
        """Set a back end up."""
        super().setUp()
        self.d = self.deploy(nodes=4)
        self.driver = self.set_up(self.d)

    def test_create(self) -> None:
        """One export location; the other servers are in its metadata."""
        share = backend.share()
        [location] = self.driver.create_share(None, share)

        volume = self.volume(self.d, share)
        server, _, name = location['path'].partition(':/')
        others = location['metadata']['backup-volfile-servers'].split(':')
        self.assertEqual(f'share-{share["id"]}', volume.name)
        self.assertEqual(volume.name, name)
        self.assertEqual(
            {self.d.storage(host) for host in self.d.hosts},
            {server, *others},
        )
        self.assertIs(False, location['is_admin_only'])
        self.assertIs(True, location['metadata']['preferred'])
        self.assertEqual(2 * GIB, volume.size_bytes)
        self.assertEqual(location, self.driver.create_share(None, share)[0])

    def test_servers_are_shared_out(self) -> None:
        """Not every share is mounted from the same one."""
        servers = {
            self.driver.create_share(None, backend.share(n))[0][
                'path'
            ].partition(':')[0]
            for n in range(8)
        }
        self.assertGreater(len(servers), 1)

    def test_the_protocol_is_upper_or_lower(self) -> None:
        """Manila's API takes both."""
        self.driver.create_share(None, backend.share(share_proto='glusterfs'))

    def test_another_protocol(self) -> None:
        """Refused by name; nothing is made."""
        before = self.d.world()
        error = self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.create_share,
            None,
            backend.share(share_proto='NFS'),
        )
        self.assertIn("'NFS'", str(error))
        self.assertEqual(before, self.d.world())

    def test_extra_specs(self) -> None:
        """They go before the options; others are not ours."""
        self.specs.update(
            {
                'gluster_heketi:durability': 'replicate:2',
                'gluster_heketi:spread': 'node:strict,zone:none',
                'gluster_heketi:headroom_percent': '100',
                'gluster_heketi:device_tags': "disk in ('', ssd)",
                'gluster_heketi:average_file_size': '1024',
                'driver_handles_share_servers': 'False',
            }
        )
        share = backend.share()
        self.driver.create_share(None, share)
        volume = self.volume(self.d, share)
        self.assertEqual(replicate(2), volume.durability)
        self.assertEqual('node:strict,zone:none', str(volume.spread))
        self.assertGreaterEqual(volume.capacity_bytes, 4 * GIB)
        self.assertEqual("disk in ('', ssd)", volume.tags)
        self.assertEqual(MIB, volume.average_file_bytes)

    @ddt.data(
        ('gluster_heketi:durability', 'replica 4'),
        ('gluster_heketi:spread', 'maybe'),
        ('gluster_heketi:device_tags', 'disk = '),
        ('gluster_heketi:average_file_size', '3'),
        ('gluster_heketi:average_file_size', '64k'),
        ('gluster_heketi:headroom_percent', '-1'),
        ('gluster_heketi:headroom_percent', '10%'),
        ('gluster_heketi:headroom_percent', '1001'),
        ('gluster_heketi:colour', 'blue'),
    )
    @ddt.unpack
    def test_a_bad_extra_spec(self, key, value) -> None:
        """Key and value are named; nothing is made."""
        self.specs[key] = value
        before = self.d.world()
        error = self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.create_share,
            None,
            backend.share(),
        )
        self.assertIn(key, str(error))
        self.assertIn(repr(value), str(error))
        self.assertEqual(before, self.d.world())

    def test_an_unknown_pool(self) -> None:
        """It is named: the scheduler may know an old one."""
        error = self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.create_share,
            None,
            backend.share(host='ctl@gluster1#gone'),
        )
        self.assertIn("'gone'", str(error))

    def test_the_pool_decides_the_cluster(self) -> None:
        """It is the one that the scheduler chose."""
        d = self.deploy(nodes=6, load=False)
        document = d.document('gl1', 'gl2', 'gl3')
        document['clusters'] += d.document('gl4', 'gl5', 'gl6', name='c2')[
            'clusters'
        ]
        d.load(document)
        made = self.set_up(d)
        for number, pool in enumerate(('c2', 'c1')):
            share = backend.share(number, host=f'ctl@gluster1#{pool}')
            made.create_share(None, share)
            self.assertEqual(
                d.service.cluster_named(pool).id,
                self.volume(d, share).cluster_id,
            )

    def test_no_room(self) -> None:
        """Manila's user message can say what would fit."""
        before = self.d.world()
        error = self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.create_share,
            None,
            backend.share(size=5000),
        )
        self.assertIn('MGH-200', str(error))
        self.assertEqual(before, self.d.world())

    def test_delete(self) -> None:
        """And again: what is gone is gone."""
        before = self.d.world()
        share = backend.share()
        self.driver.create_share(None, share)
        self.driver.delete_share(None, share)
        self.assertEqual(before, self.d.world())
        self.driver.delete_share(None, share)

    def test_delete_what_never_came_to_be(self) -> None:
        """As Manila does it: first its rules, then the share."""
        share = backend.share()
        self.driver.update_access(None, share, [], [], [], update_rules=[])
        self.driver.update_access(
            None, share, [], [], [backend.rule('alice')], update_rules=[]
        )
        self.driver.delete_share(None, share)

    def test_extend_and_shrink(self) -> None:
        """Sizes are GiB."""
        share = backend.share()
        self.driver.create_share(None, share)
        self.driver.extend_share(share, 5)
        self.assertEqual(5 * GIB, self.volume(self.d, share).size_bytes)
        self.driver.shrink_share(share, 1)
        self.assertEqual(GIB, self.volume(self.d, share).size_bytes)

    def test_shrink_below_what_it_holds(self) -> None:
        """Manila keeps the share available for this exception alone."""
        share = backend.share()
        self.driver.create_share(None, share)
        volume = self.volume(self.d, share)
        self.d.gluster(volume).used_bytes = 3 * GIB // 2
        error = self.assertRaises(
            manila_exception.ShareShrinkingPossibleDataLoss,
            self.driver.shrink_share,
            share,
            1,
        )
        self.assertIn(share['id'], str(error))
        self.assertEqual(2 * GIB, self.volume(self.d, share).size_bytes)

    def test_a_host_fails(self) -> None:
        """The text has code, host and what to do."""
        self.d.executor.before = lambda host, command: (
            fail('disk is on fire')(host, command)
            if 'mkfs.xfs' in command.argv
            else None
        )
        error = self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.create_share,
            None,
            backend.share(),
        )
        self.assertIn('MGH-700', str(error))
        self.assertIn('disk is on fire', str(error))

    def test_ensure_shares(self) -> None:
        """A lost volume is in error, and the others are served."""
        here, lost = backend.share(1), backend.share(2)
        [location] = self.driver.create_share(None, here)
        found = self.driver.ensure_shares(None, [here, lost])
        self.assertEqual([location], found[here['id']]['export_locations'])
        self.assertIs(True, found[here['id']]['reapply_access_rules'])
        self.assertEqual({'status': 'error'}, found[lost['id']])

    def test_ensure_shares_with_nothing_new(self) -> None:
        """Applying the rules again sends nothing if they are so."""
        share = backend.share()
        self.driver.create_share(None, share)
        rules = [backend.rule('alice')]
        self.driver.update_access(None, share, rules, rules, [])
        self.d.executor.seen.clear()
        self.driver.ensure_shares(None, [share])
        self.driver.update_access(None, share, rules, [], [])
        self.assertEqual([], self.d.executor.seen)

    def test_ensure_shares_without_a_store(self) -> None:
        """Even this is said in Manila's words."""
        self.useFixture(
            fixtures.MockPatchObject(
                self.driver.layout.service.store, 'read', _broken_store
            )
        )
        self.assertRaises(
            manila_exception.ShareBackendException,
            self.driver.ensure_shares,
            None,
            [backend.share()],
        )

    def test_backend_info_changes_with_the_servers(self) -> None:
        """So that Manila asks for export locations again."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        made = self.set_up(d)
        before = made.get_backend_info(None)
        self.assertEqual(before, made.get_backend_info(None))
        d.load()
        after = made.get_backend_info(None)
        self.assertNotEqual(before, after)
        self.assertIn('10.0.0.4', json.dumps(after))
        for key, value in after.items():
            self.assertIsInstance(key, str)
            self.assertIsInstance(value, str)


def _broken_store():
    raise exceptions.StoreError(url='sqlite:///x', reason='disk I/O error')
