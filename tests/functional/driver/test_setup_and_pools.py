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

"""How a back end begins, and what the scheduler sees of it."""

import os
import threading

import fixtures
from manila import exception as manila_exception
from manila.scheduler.filters import extra_specs_ops

from manila_gluster_heketi import model
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

    def test_a_strategy_to_compare_with(self) -> None:
        """It is refused before any share is placed by it."""
        d = self.deploy()
        made = self.make_driver(d, gluster_heketi_allocator_strategy='straw2')
        made.do_setup(None)
        error = self.assertRaises(
            manila_exception.BadConfigurationException,
            made.check_for_setup_error,
        )
        self.assertIn('gluster_heketi_allocator_strategy', str(error))
        self.assertIn('compare', str(error))


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

    def test_devices_that_shares_do_not_get(self) -> None:
        """Neither is offered what the default tags rule out."""
        d = self.deploy(nodes=6, load=False)
        document = d.document()
        for entry in document['clusters'][0]['nodes'][:3]:
            entry['node']['tags'] = {'disk': 'ssd'}
        d.load(document)
        [every] = self._stats(self.set_up(d))['pools']
        made = self.set_up(d, gluster_heketi_device_tags='disk = ssd')
        [pool] = self._stats(made)['pools']
        for key in ('total_capacity_gb', 'free_capacity_gb'):
            self.assertLess(17, pool[key])
            self.assertLess(pool[key], 20)
            self.assertLess(2 * pool[key] - 1, every[key])
        self.assertEqual('disk = ssd', pool['gluster_heketi_device_tags'])

    def test_small_files_need_large_arbiters(self) -> None:
        """So there is less room for shares."""
        d = self.deploy()
        arbiter = {'gluster_heketi_durability': 'arbiter'}
        [large] = self._stats(self.set_up(d, **arbiter))['pools']
        [small] = self._stats(
            self.set_up(d, gluster_heketi_average_file_size=4, **arbiter)
        )['pools']
        self.assertLess(
            small['total_capacity_gb'], 0.8 * large['total_capacity_gb']
        )
        self.assertLess(
            small['free_capacity_gb'], 0.8 * large['free_capacity_gb']
        )

    def test_headroom_is_not_offered(self) -> None:
        """A share takes twice its size, so half of it is to be had."""
        d = self.deploy()
        [without] = self._stats(self.set_up(d))['pools']
        made = self.set_up(d, gluster_heketi_headroom_percent=100)
        [pool] = self._stats(made)['pools']
        for key in (
            'total_capacity_gb',
            'free_capacity_gb',
            'gluster_heketi_largest_share_gb',
        ):
            self.assertAlmostEqual(without[key] / 2, pool[key], places=1)
        size = int(pool['free_capacity_gb'])
        made.create_share(None, backend.share(size=size))
        self.assertEqual(1, len(d.service.volumes()))

    def test_what_others_change(self) -> None:
        """A pool that was measured before is not told again."""
        d = self.deploy(nodes=6)
        made = self.set_up(d)
        [before] = self._stats(made)['pools']
        other, _ = d.process()
        other.hardware.set_node_state('gl1', model.EntryState.OFFLINE)
        [away] = self._stats(made)['pools']
        self.assertLess(away['free_capacity_gb'], before['free_capacity_gb'])
        self.assertEqual(
            before['total_capacity_gb'], away['total_capacity_gb']
        )
        other.hardware.set_node_state('gl1', model.EntryState.ONLINE)
        self.assertEqual([before], self._stats(made)['pools'])
        other.create_volume(d.spec('others'))
        [less] = self._stats(made)['pools']
        self.assertLess(less['free_capacity_gb'], before['free_capacity_gb'])
        self.assertEqual(2, less['allocated_capacity_gb'])
        other.delete_volume('others')
        self.assertEqual([before], self._stats(made)['pools'])

    def test_facts_for_the_scheduler(self) -> None:
        """Extra specs of a share type can ask for them."""
        d = self.deploy(nodes=2, zones=1, disks=2)
        made = self.set_up(d, gluster_heketi_durability='replicate:2')
        [pool] = self._stats(made)['pools']
        largest = pool['gluster_heketi_largest_share_gb']
        self.assertLess(35, largest)
        self.assertLessEqual(largest, pool['free_capacity_gb'])
        for fact, asked, passes in (
            ('durability', 'replicate:2', True),
            ('durability', 'replicate:3', False),
            ('durability', '<or> arbiter <or> replicate:2', True),
            ('spread', 'zone:prefer', True),
            ('largest_share_gb', '>= 35', True),
            ('largest_share_gb', f'>= {largest + 1}', False),
            ('stranded_gb', '<= 0', True),
        ):
            self.assertIs(
                passes,
                extra_specs_ops.match(
                    str(pool[f'gluster_heketi_{fact}']), asked
                ),
                fact,
            )

    def test_functions_of_the_scheduler(self) -> None:
        """It reads them from pools; the back end's own would be ignored."""
        d = self.deploy()
        made = self.set_up(
            d, filter_function='share.size < 9', goodness_function='50'
        )
        [pool] = self._stats(made)['pools']
        self.assertEqual(
            ('share.size < 9', '50'),
            (pool['filter_function'], pool['goodness_function']),
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
        """The room that bricks may have grown by is kept, and used next."""
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
        [kept] = self._stats(made)['pools']
        made.extend_share(share, 9)
        [grown] = self._stats(made)['pools']
        self.assertLess(kept['free_capacity_gb'], before['free_capacity_gb'])
        self.assertEqual(kept['free_capacity_gb'], grown['free_capacity_gb'])
        self.assertEqual(
            before['provisioned_capacity_gb'], kept['provisioned_capacity_gb']
        )
