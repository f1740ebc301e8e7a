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


"""Options of placement: each is seen in what is on the hosts."""

from typing import Any

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.unit import test_strategies


class PlacementOptionsTestCase(deployment.DeployedTestCase):
    """From the configuration to the allocator and to Gluster."""

    def _devices(
        self, d: deployment.Deployment, volume: model.Volume
    ) -> set[str]:
        return {brick.device_id for brick in d.bricks(volume)}

    def _sizes(
        self, d: deployment.Deployment, volume: model.Volume
    ) -> set[int]:
        """Give the sizes of the bricks, as record and hosts agree on."""
        bricks = d.bricks(volume)
        for brick in bricks:
            made = [
                each.size_bytes
                for name in d.hosts
                for each in [
                    d.cluster.host(name).disks.volume_at(
                        f'/dev/{brick.vg_name}/{brick.lv_name}'
                    )
                ]
                if each is not None
            ]
            self.assertEqual([brick.size_bytes], made)
        return {brick.size_bytes for brick in bricks}

    def _refused(self, d: deployment.Deployment, **spec: Any) -> set[str]:
        """Give the constraints that refuse a share; nothing is touched."""
        before = d.world()
        error = self.assertRaises(exceptions.NoSpace, d.create, **spec)
        self.assertEqual(before, d.world())
        explanation = error.fields['explanation']
        return {each.constraint for each in explanation.refusals}

    # --- strategy ---------------------------------------------------------

    def test_balanced_goes_to_the_emptier_devices(self) -> None:
        """That is the default."""
        d = self.deploy(disks=2)
        first, second = d.create('one'), d.create('two')
        self.assertEqual(
            set(), self._devices(d, first) & self._devices(d, second)
        )

    def test_packed_goes_to_the_fuller_devices(self) -> None:
        """As long as they have room."""
        d = self.deploy(disks=2, allocator_strategy='packed')
        first, second = d.create('one'), d.create('two')
        self.assertEqual(self._devices(d, first), self._devices(d, second))

    def test_packed_when_a_share_is_extended(self) -> None:
        """New sets go to the fuller devices as well."""
        d = self.deploy(
            disks=3, disk_bytes=10 * GIB, allocator_strategy='packed'
        )
        first = d.create('share-1', gigabytes=7)
        second = d.create('two', gigabytes=4)
        there = self._devices(d, first)
        self.assertEqual(set(), there & self._devices(d, second))
        grown = d.service.extend_volume('share-1', 12 * GIB)
        self.assertEqual(
            self._devices(d, second), self._devices(d, grown) - there
        )

    def test_heketi_ring_gives_up_where_others_find_room(self) -> None:
        """And says that it was the strategy."""
        d = self.deploy(
            nodes=6,
            zones=1,
            disk_bytes=11 * GIB,
            allocator_strategy='heketi_ring',
        )
        wanted = {'gigabytes': 30, 'durability': 'replicate:2'}
        self.assertEqual({'strategy'}, self._refused(d, **wanted))
        d.create('fits', gigabytes=9, durability='replicate:2')

    def test_strategy_of_somebody_else(self) -> None:
        """It is used; where it would break a constraint nothing is made."""
        test_strategies.install(
            self, mine='tests.unit.test_strategies:FIRST_FIT'
        )
        d = self.deploy(allocator_strategy='mine')
        made = d.create()
        self.assertEqual(3, len(self._devices(d, made)))
        before = d.world()
        self.assertRaises(
            exceptions.StrategyAtFault, d.create, 'large', gigabytes=90
        )
        self.assertEqual(before, d.world())

    def test_strategy_that_is_not_there(self) -> None:
        """Nothing can be asked of such a service."""
        directory = self.useFixture(fixtures.TempDir()).path
        settings = deployment.settings_in(directory, allocator_strategy='best')
        error = self.assertRaises(
            exceptions.InvalidConfiguration, Service, settings
        )
        self.assertEqual(
            'gluster_heketi_allocator_strategy', error.fields['option']
        )

    # --- bricks -----------------------------------------------------------

    def test_brick_share(self) -> None:
        """A brick is at most a tenth of a device, so there are more sets."""
        d = self.deploy(brick_share=10)
        made = d.gluster(d.create(gigabytes=4))
        self.assertEqual(3, made.sets)
        whole = self.deploy()
        self.assertEqual(1, whole.gluster(whole.create(gigabytes=4)).sets)

    def test_smallest_brick(self) -> None:
        """A share that needs less gets it all the same, and its quota."""
        d = self.deploy(brick_min_size=3)
        volume = d.create(gigabytes=1)
        self.assertEqual({3 * GIB}, self._sizes(d, volume))
        self.assertEqual(GIB, d.gluster(volume).quota_bytes)

    def test_largest_brick(self) -> None:
        """A larger share has several sets."""
        d = self.deploy(brick_max_size=2)
        volume = d.create(gigabytes=4)
        self.assertEqual(3, d.gluster(volume).sets)
        self.assertLessEqual(max(self._sizes(d, volume)), 2 * GIB)

    def test_largest_brick_does_not_grow(self) -> None:
        """A share that is extended gets another set."""
        d = self.deploy(brick_max_size=5)
        volume = d.create(gigabytes=4)
        d.service.extend_volume('share-1', 8 * GIB)
        self.assertEqual(2, d.gluster(volume).sets)
        self.assertLessEqual(max(self._sizes(d, volume)), 5 * GIB)

    def test_bricks_of_a_volume(self) -> None:
        """One set of three and no more, when it is created or extended."""
        d = self.deploy(disks=2, volume_bricks_max=3)
        self.assertIn('room', self._refused(d, gigabytes=25))
        d.create(gigabytes=15)
        before = d.world()
        error = self.assertRaises(
            exceptions.NoSpace, d.service.extend_volume, 'share-1', 25 * GIB
        )
        self.assertIn('at most 3 bricks', str(error))
        self.assertEqual(before, d.world())

    def test_largest_share_of_a_pool_knows_the_limits(self) -> None:
        """What is announced can be had."""
        limited = self.deploy(disks=2, volume_bricks_max=3)
        (pool,) = limited.service.capacity.pools()
        largest = pool.capacity.largest_volume_bytes
        self.assertLess(largest, 20 * GIB)
        limited.create(gigabytes=largest // GIB)

    # --- volumes of a cluster ---------------------------------------------

    def test_volumes_of_a_cluster(self) -> None:
        """One more is refused, but what is there is found again."""
        d = self.deploy(cluster_volumes_max=1)
        first = d.create('one')
        self.assertEqual({'cluster-volumes'}, self._refused(d, share_id='two'))
        self.assertRaises(
            exceptions.NoSpace, d.service.plans.create_volume, d.spec('two')
        )
        self.assertEqual(first, d.create('one'))
        d.service.extend_volume('one', 4 * GIB)
        d.service.delete_volume('one')
        d.create('two')

    def test_next_cluster_is_tried(self) -> None:
        """The first has more room, and as many volumes as it may have."""
        d = self.deploy(load=False, nodes=7, zones=1, cluster_volumes_max=1)
        d.load(d.document('gl1', 'gl2', 'gl3', 'gl4', name='large'))
        d.load(d.document('gl5', 'gl6', 'gl7', name='small'))
        made = [d.create(share_id) for share_id in ('one', 'two')]
        names = {c.id: c.name for c in self._clusters(d)}
        self.assertEqual(
            ['large', 'small'], [names[each.cluster_id] for each in made]
        )
        self.assertEqual(
            {'cluster-volumes'}, self._refused(d, share_id='three')
        )

    def _clusters(self, d: deployment.Deployment) -> list[model.Cluster]:
        return [snapshot.cluster for snapshot in d.service.clusters()]
