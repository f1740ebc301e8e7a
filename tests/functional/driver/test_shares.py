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
import os
import threading

import ddt
import fixtures
from manila import exception as manila_exception

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.driver import backend
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says


class SetupTestCase(backend.BackendTestCase):
    """From the parent process to a back end that works."""

    def _nothing_deployed(self) -> deployment.Deployment:
        """Hosts, and a directory with nothing in it."""
        d = deployment.Deployment()
        d.directory = os.path.join(
            self.useFixture(fixtures.TempDir()).path, 'state'
        )
        d.executor = d.cluster
        return d

    def test_making_it_opens_nothing(self) -> None:
        """This happens in the parent of the process that serves shares."""
        d = self._nothing_deployed()
        before = threading.active_count()
        made = self.make_driver(d)
        self.assertFalse(os.path.exists(d.directory))
        self.assertEqual(before, threading.active_count())
        self.assertEqual([], self.recoverers)
        self.assertRaises(
            manila_exception.ShareBackendException,
            made.create_share,
            None,
            backend.share(),
        )

    def test_reading_the_configuration_opens_nothing(self) -> None:
        """Nor does it need the hosts."""
        d = self._nothing_deployed()
        self.make_driver(d).do_setup(None)
        self.assertFalse(os.path.exists(d.directory))

    def test_an_empty_store_is_fine(self) -> None:
        """The topology may be loaded later."""
        d = self._nothing_deployed()
        made = self.set_up(d)
        self.assertTrue(os.path.exists(f'{d.directory}/store.sqlite'))
        made._update_share_stats()
        self.assertEqual([], made._stats['pools'])
        self.assertEqual(1, len(self.recoverers))

    def test_it_may_be_repeated(self) -> None:
        """Manila does until it succeeds."""
        d = self.deploy()
        made = self.set_up(d)
        layout = made.layout
        for _ in range(2):
            made.do_setup(None)
            made.check_for_setup_error()
        self.assertIs(layout, made.layout)

    def test_a_directory_that_can_not_be_made(self) -> None:
        """Said in Manila's words; the next try works."""
        d = self._nothing_deployed()
        parent = os.path.dirname(d.directory)
        with open(d.directory, 'w', encoding='utf-8') as file:
            file.write('in the way')
        made = self.make_driver(d)
        made.do_setup(None)
        error = self.assertRaises(
            manila_exception.BadConfigurationException,
            made.check_for_setup_error,
        )
        self.assertIn('gluster_heketi_state_path', str(error))
        os.unlink(d.directory)
        self.assertEqual([], os.listdir(parent))
        made.check_for_setup_error()

    def test_a_bad_option(self) -> None:
        """Option and value are named; correcting it is enough."""
        d = self.deploy()
        made = self.make_driver(
            d, gluster_heketi_ssh_private_key='/nonexistent/key'
        )
        error = self.assertRaises(
            manila_exception.BadConfigurationException, made.do_setup, None
        )
        self.assertIn('gluster_heketi_ssh_private_key', str(error))
        self.assertIn('/nonexistent/key', str(error))
        self.assertIn('No such file', str(error))

    def test_an_unknown_layout(self) -> None:
        """It is named, in Manila's words."""
        d = self.deploy()
        made = self.make_driver(d, gluster_heketi_layout='nosuch')
        error = self.assertRaises(
            manila_exception.BadConfigurationException, made.do_setup, None
        )
        self.assertIn('nosuch', str(error))


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
                'gluster_heketi:durability': 'replica 2',
                'gluster_heketi:zone_spread': 'none',
                'gluster_heketi:headroom_percent': '100',
                'driver_handles_share_servers': 'False',
            }
        )
        share = backend.share()
        self.driver.create_share(None, share)
        volume = self.volume(self.d, share)
        self.assertEqual(model.Durability(2), volume.durability)
        self.assertIs(model.ZoneSpread.NONE, volume.spread)
        self.assertGreaterEqual(volume.capacity_bytes, 4 * GIB)

    @ddt.data(
        ('gluster_heketi:durability', 'replica 4'),
        ('gluster_heketi:zone_spread', 'maybe'),
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


class PoolsTestCase(backend.BackendTestCase):
    """What the scheduler sees."""

    _MANDATORY = (
        'pool_name',
        'total_capacity_gb',
        'free_capacity_gb',
        'reserved_percentage',
        'reserved_snapshot_percentage',
        'reserved_share_extend_percentage',
    )

    def _stats(self, made):
        made._update_share_stats()
        return made._stats

    def test_a_pool_for_each_cluster(self) -> None:
        """With true sizes in GiB of tenants' data."""
        d = self.deploy()
        made = self.set_up(d, reserved_share_percentage=7)
        stats = self._stats(made)
        [pool] = stats['pools']
        for key in self._MANDATORY:
            self.assertIn(key, pool)
        self.assertEqual('c1', pool['pool_name'])
        self.assertEqual(7, pool['reserved_percentage'])
        self.assertEqual(7, pool['reserved_snapshot_percentage'])
        self.assertEqual('GOLD', stats['share_backend_name'])
        self.assertEqual('GLUSTERFS', stats['storage_protocol'])
        self.assertIs(False, stats['driver_handles_share_servers'])
        self.assertIs(False, pool['snapshot_support'])
        # Three copies on three disks of 20 GiB.
        self.assertGreater(pool['total_capacity_gb'], 17)
        self.assertLess(pool['total_capacity_gb'], 20)

    def test_it_goes_down_with_each_share(self) -> None:
        """By what the share's bricks take, no less than its size."""
        d = self.deploy()
        made = self.set_up(d)
        [before] = self._stats(made)['pools']
        made.create_share(None, backend.share(size=4))
        [after] = self._stats(made)['pools']
        self.assertEqual(0, before['allocated_capacity_gb'])
        self.assertEqual(4, after['allocated_capacity_gb'])
        self.assertEqual(4, after['provisioned_capacity_gb'])
        self.assertEqual(
            before['total_capacity_gb'], after['total_capacity_gb']
        )
        self.assertLessEqual(
            after['free_capacity_gb'], before['free_capacity_gb'] - 4
        )

    def test_one_cluster_alone(self) -> None:
        """If the option says so."""
        d = self.deploy(nodes=6, load=False)
        document = d.document('gl1', 'gl2', 'gl3')
        document['clusters'] += d.document('gl4', 'gl5', 'gl6', name='c2')[
            'clusters'
        ]
        d.load(document)
        made = self.set_up(d)
        self.assertEqual(
            ['c1', 'c2'],
            [p['pool_name'] for p in self._stats(made)['pools']],
        )
        made = self.set_up(d, gluster_heketi_cluster='c2')
        self.assertEqual(
            ['c2'], [p['pool_name'] for p in self._stats(made)['pools']]
        )

    def test_a_share_that_could_not_grow(self) -> None:
        """What a failed growth reserved is free again."""
        d = self.deploy()
        made = self.set_up(d)
        share = backend.share()
        made.create_share(None, share)
        [before] = self._stats(made)['pools']
        d.executor.before = once(says('lvextend'), fail())
        self.assertRaises(
            manila_exception.ShareBackendException,
            made.extend_share,
            share,
            9,
        )
        self.assertEqual([before], self._stats(made)['pools'])
