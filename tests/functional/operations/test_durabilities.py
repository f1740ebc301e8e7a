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

"""Shares of every durability, from the first brick to the last."""

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment

_KINDS = ('distribute', 'replicate:2', 'arbiter', 'disperse:4+2')


@ddt.ddt
class DurabilityTestCase(deployment.DeployedTestCase):
    """On six hosts in three zones."""

    def _spec(self, kind: str, gigabytes: int = 2) -> model.VolumeSpec:
        return model.VolumeSpec(
            share_id='share-1',
            name='manila-share-1',
            size_bytes=gigabytes * GIB,
            durability=durability.parse(kind),
        )

    def _lv_sizes(self, d, volume) -> list[int]:
        at = {b.lv_name: b for b in d.bricks(volume)}
        found = {}
        for host in d.on_hosts().values():
            for path, size_bytes in host['volumes'].items():
                brick = at.get(path.rpartition('/')[2])
                if brick is not None:
                    found[brick.set_index, brick.position] = size_bytes
        return [found[key] for key in sorted(found)]

    @ddt.data(*_KINDS)
    def test_a_life(self, kind: str) -> None:
        """Created, grown in place, grown by a set, and gone."""
        d = self.deploy(nodes=6, disks=1, disk_bytes=10 * GIB)
        before = d.world()
        per_set = durability.parse(kind).bricks_per_set

        volume = d.service.create_volume(self._spec(kind))
        self.assertEqual(kind, str(volume.durability))
        self.assertGreaterEqual(volume.capacity_bytes, 2 * GIB)
        self.assertEqual(kind, str(d.gluster(volume).durability))
        self.assertEqual(per_set, len(self._lv_sizes(d, volume)))

        grown = d.service.extend_volume('share-1', 4 * GIB)
        self.assertGreaterEqual(grown.capacity_bytes, 4 * GIB)
        self.assertEqual(per_set, len(self._lv_sizes(d, volume)))
        self.assertEqual(
            [brick.size_bytes for brick in d.bricks(volume)],
            self._lv_sizes(d, volume),
        )

        # More than a disk holds: the next set, or sets, go to the others.
        parts = durability.parse(kind).parts
        if per_set <= 3:
            much = d.service.extend_volume('share-1', 14 * parts * GIB)
            self.assertGreaterEqual(much.capacity_bytes, 14 * parts * GIB)
            self.assertGreater(len(self._lv_sizes(d, volume)), per_set)

        d.service.delete_volume('share-1')
        self.assertEqual(before, d.world())

    def test_an_arbiter_is_small(self) -> None:
        """It has names alone; the other two hold all data."""
        d = self.deploy(nodes=6, disk_bytes=60 * GIB)
        volume = d.service.create_volume(self._spec('arbiter', 40))
        first, second, arbiter = self._lv_sizes(d, volume)
        self.assertEqual(first, second)
        self.assertGreater(first, 40 * GIB)
        # A sixteenth: 4 KiB for each file of 64 KiB.
        self.assertLess(arbiter, 4 * GIB)
        self.assertGreater(arbiter, 40 * GIB // 16)

    def test_a_dispersed_brick_holds_a_part(self) -> None:
        """A quarter of the data, and its overhead."""
        d = self.deploy(nodes=6)
        volume = d.service.create_volume(self._spec('disperse:4+2', 8))
        sizes = self._lv_sizes(d, volume)
        self.assertEqual(6, len(sizes))
        self.assertEqual(1, len(set(sizes)))
        self.assertGreater(sizes[0], 2 * GIB)
        self.assertLess(sizes[0], 2.3 * GIB)

    def test_too_few_hosts(self) -> None:
        """Six bricks need six hosts, an arbiter a third."""
        d = self.deploy(nodes=5)
        for kind in ('disperse:4+2', 'disperse:5+1'):
            error = self.assertRaises(
                exceptions.NoSpace, d.service.create_volume, self._spec(kind)
            )
            self.assertIn(kind, str(error))
        self.assertEqual((), d.service.volumes())

    def test_kinds_over_strict_zones(self) -> None:
        """Three zones are enough for an arbiter, not for six bricks."""
        d = self.deploy(nodes=6)
        strict = spread.zones(spread.Mode.STRICT)
        for kind, fits in (('arbiter', True), ('disperse:4+2', False)):
            spec = model.VolumeSpec(
                share_id=kind,
                name='v',
                size_bytes=GIB,
                durability=durability.parse(kind),
                spread=strict,
            )
            if fits:
                volume = d.service.create_volume(spec)
                zones = {
                    d.zone(f'gl{a.partition(":")[0].rpartition(".")[2]}')
                    for a in d.service.bricks(volume)
                }
                self.assertEqual({1, 2, 3}, zones)
            else:
                self.assertRaises(
                    exceptions.NoSpace, d.service.create_volume, spec
                )
