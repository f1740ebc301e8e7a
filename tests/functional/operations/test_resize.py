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

"""Volumes that are to hold more, or less."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import resize_volume
from manila_gluster_heketi.sizes import GIB
from tests.crash import agreement
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says


def _sizes(d, volume):
    """Give the sizes of the logical volumes of a volume's bricks."""
    found = []
    for brick in d.bricks(volume):
        for name in d.hosts:
            host = d.cluster.host(name)
            lv = host.disks.volume_at(f'/dev/{brick.vg_name}/{brick.lv_name}')
            if lv is not None:
                found.append((lv.size_bytes, lv.filesystem.size_bytes))
    return found


def _lose(host, command):
    raise exceptions.ConnectionLost(
        host=host, command=str(command), reason='Broken pipe'
    )


@ddt.ddt
class ExtendTestCase(deployment.DeployedTestCase):
    """Three ways to grow."""

    def test_within_the_headroom(self) -> None:
        """The quota alone changes: one command."""
        d = self.deploy()
        volume = d.create(headroom_bytes=4 * GIB)
        before = _sizes(d, volume)
        d.executor.seen.clear()

        grown = d.service.extend_volume('share-1', 5 * GIB)

        self.assertEqual(5 * GIB, grown.size_bytes)
        self.assertEqual(grown, d.service.volume('share-1'))
        self.assertEqual(5 * GIB, d.gluster(volume).quota_bytes)
        self.assertEqual(before, _sizes(d, volume))
        [_, (_, command)] = d.executor.seen
        self.assertIn('limit-usage', command)

    def test_in_place(self) -> None:
        """Volumes and file systems grow, the bricks stay where they are."""
        d = self.deploy()
        volume = d.create()
        addresses = list(d.gluster(volume).addresses)

        grown = d.service.extend_volume('share-1', 8 * GIB)

        self.assertGreaterEqual(grown.capacity_bytes, 8 * GIB)
        self.assertEqual(8 * GIB, d.gluster(volume).quota_bytes)
        self.assertEqual(addresses, d.gluster(volume).addresses)
        for brick, (lv, filesystem) in zip(
            d.bricks(volume), _sizes(d, volume), strict=True
        ):
            self.assertEqual(brick.size_bytes, lv)
            self.assertEqual(lv, filesystem)
            self.assertGreater(lv, 8 * GIB)

    def test_by_whole_sets(self) -> None:
        """Where the devices are full, others take new sets."""
        d = self.deploy(nodes=3, disks=2, disk_bytes=10 * GIB)
        volume = d.create(gigabytes=7)

        grown = d.service.extend_volume('share-1', 14 * GIB)

        made = d.gluster(volume)
        self.assertEqual(2, made.sets)
        self.assertTrue(made.was_rebalanced)
        self.assertEqual(14 * GIB, made.quota_bytes)
        self.assertEqual(list(d.service.bricks(grown)), made.addresses)
        self.assertEqual(6, len(d.bricks(grown)))
        self.assertGreaterEqual(grown.capacity_bytes, 14 * GIB)

    def test_to_the_size_that_it_has(self) -> None:
        """Nothing is to do; Manila may ask twice."""
        d = self.deploy()
        volume = d.create()
        d.executor.seen.clear()
        self.assertEqual(volume, d.service.extend_volume('share-1', 2 * GIB))
        self.assertEqual([], d.executor.seen)

    def test_to_less(self) -> None:
        """Refused: that is what shrinking is for."""
        d = self.deploy()
        d.create()
        before = d.world()
        self.assertRaises(
            exceptions.InvalidInput, d.service.extend_volume, 'share-1', GIB
        )
        self.assertEqual(before, d.world())

    def test_beyond_the_cluster(self) -> None:
        """Nothing is reserved, nothing sent."""
        d = self.deploy()
        d.create()
        before = d.world()
        d.executor.seen.clear()
        error = self.assertRaises(
            exceptions.NoSpace,
            d.service.extend_volume,
            'share-1',
            500 * GIB,
        )
        self.assertIn('no placement', str(error))
        self.assertEqual(before, d.world())
        self.assertEqual([], d.executor.seen)

    def test_a_share_without_a_volume(self) -> None:
        """Said."""
        d = self.deploy()
        error = self.assertRaises(
            exceptions.NotFound, d.service.extend_volume, 'nobody', GIB
        )
        self.assertIn('nobody', str(error))


@ddt.ddt
class ExtendFailsTestCase(deployment.DeployedTestCase):
    """The old size stands, and a retry works."""

    def _fails(self, d, to_bytes, grows=False) -> None:
        look = deployment.without_growth if grows else lambda record: record
        before = look(d.record())
        error = self.assertRaises(
            exceptions.OperationFailed,
            d.service.extend_volume,
            'share-1',
            to_bytes,
        )
        self.assertNotIsInstance(error, exceptions.OperationStuck)
        self.assertEqual(before, look(d.record()))
        self.assertEqual([], agreement.differences(d))

    def test_the_quota(self) -> None:
        """It is the old one, even if the answer was lost."""
        d = self.deploy()
        volume = d.create(headroom_bytes=4 * GIB)
        before = d.world()
        for hook, act in (('before', fail()), ('after', _lose)):
            setattr(d.executor, hook, once(says('limit-usage'), act))
            self._fails(d, 5 * GIB)
            self.assertEqual(before, d.world())
        d.service.extend_volume('share-1', 5 * GIB)
        self.assertEqual(5 * GIB, d.gluster(volume).quota_bytes)

    @ddt.data(
        ('before', ('lvextend',)),
        ('after', ('lvextend',)),
        ('before', ('xfs_growfs',)),
        ('after', ('xfs_growfs',)),
        ('before', ('limit-usage',)),
    )
    @ddt.unpack
    def test_in_place(self, hook, words) -> None:
        """A brick that has grown keeps its room; that is no obstacle."""
        d = self.deploy()
        volume = d.create()
        setattr(
            d.executor,
            hook,
            once(says(*words), fail() if hook == 'before' else _lose),
        )
        self._fails(d, 8 * GIB, grows=True)
        self.assertEqual(2 * GIB, d.gluster(volume).quota_bytes)
        # What may have grown keeps its room.
        for brick, (lv, _) in zip(
            d.bricks(volume), _sizes(d, volume), strict=True
        ):
            self.assertGreater(brick.size_bytes, 8 * GIB)
            self.assertGreaterEqual(brick.size_bytes, lv)
        reserved = d.bricks(volume)

        # To less than was tried: LVM finds the volume larger than asked for.
        d.service.extend_volume('share-1', 6 * GIB)
        self.assertEqual(6 * GIB, d.gluster(volume).quota_bytes)
        self.assertEqual(reserved, d.bricks(volume))
        self.assertEqual([], agreement.differences(d))
        d.service.extend_volume('share-1', 8 * GIB)
        d.service.extend_volume('share-1', 9 * GIB)
        self.assertEqual(9 * GIB, d.gluster(volume).quota_bytes)
        for lv, filesystem in _sizes(d, volume):
            self.assertGreater(lv, 9 * GIB)
            self.assertEqual(lv, filesystem)

    @ddt.data(
        ('before', ('mkfs.xfs',)),
        ('before', ('mount',)),
        ('before', ('add-brick',)),
        ('after', ('add-brick',)),
        ('before', ('rebalance', 'start')),
        ('before', ('limit-usage',)),
    )
    @ddt.unpack
    def test_by_sets(self, hook, words) -> None:
        """New bricks are gone from hosts, Gluster and store."""
        d = self.deploy(nodes=3, disks=2, disk_bytes=10 * GIB)
        volume = d.create(gigabytes=7)
        before = d.world()
        setattr(
            d.executor,
            hook,
            once(says(*words), fail() if hook == 'before' else _lose),
        )
        self._fails(d, 14 * GIB)
        self.assertEqual(before, d.world())
        d.service.extend_volume('share-1', 14 * GIB)
        self.assertEqual(2, d.gluster(volume).sets)

    def test_a_host_dies(self) -> None:
        """The volume is usable; room on that host stays reserved."""
        d = self.deploy(nodes=3, disks=2, disk_bytes=10 * GIB)
        volume = d.create(gigabytes=7)
        before = d.world()
        d.executor.before = once(
            on('gl2', says('mount')),
            lambda host, command: d.cluster.cut_network(host),
        )
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.extend_volume,
            'share-1',
            14 * GIB,
        )
        stuck = d.service.volume('share-1')
        self.assertEqual(volume, stuck)
        self.assertEqual(4, len(d.bricks(stuck)))

        # It could not be told apart from the growth that is half-way.
        error = self.assertRaises(
            exceptions.Conflict, d.service.extend_volume, 'share-1', 14 * GIB
        )
        self.assertIn('gl2', str(error))
        d.cluster.restore_network('gl2')
        d.service.extend_volume('share-1', 14 * GIB)
        self.assertEqual(2, d.gluster(volume).sets)
        self.assertEqual((), d.service.operations())
        d.service.delete_volume('share-1')
        self.assertEqual([], before['record']['open'])
        self.assertEqual((), d.service.volumes())

    def test_what_has_grown_keeps_its_room(self) -> None:
        """Nobody else gets it, be the quota undone or not yet."""
        d = self.deploy()
        volume = d.create(gigabytes=4)

        def lose_all(host, command):
            for each in d.hosts:
                d.cluster.cut_network(each)
            _lose(host, command)

        d.executor.after = once(says('limit-usage'), lose_all)
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.extend_volume,
            'share-1',
            14 * GIB,
        )
        self.assertEqual(14 * GIB, d.gluster(volume).quota_bytes)
        for each in d.hosts:
            d.cluster.restore_network(each)
        for recovers in (False, True):
            if recovers:
                d.service.recover()
                self.assertEqual(4 * GIB, d.gluster(volume).quota_bytes)
            self.assertRaises(
                exceptions.NoSpace, d.create, 'share-2', gigabytes=12
            )
            for brick, (lv, _) in zip(
                d.bricks(volume), _sizes(d, volume), strict=True
            ):
                self.assertEqual(lv, brick.size_bytes)

        grown = d.service.extend_volume('share-1', 14 * GIB)
        self.assertGreaterEqual(grown.capacity_bytes, 14 * GIB)
        self.assertEqual([], agreement.differences(d))

    def test_a_host_is_away_while_bricks_grow(self) -> None:
        """New sets hold all of it; the old ones are what they were."""
        d = self.deploy(nodes=4)
        volume = d.create()
        address = d.gluster(volume).addresses[0].partition(':')[0]
        [away] = [each for each in d.hosts if d.storage(each) == address]
        d.cluster.cut_network(away, peers=False)

        grown = d.service.extend_volume('share-1', 8 * GIB)

        self.assertEqual(2, d.gluster(volume).sets)
        self.assertGreaterEqual(grown.capacity_bytes, 8 * GIB)
        d.cluster.restore_network(away)
        self.assertEqual([], agreement.differences(d))
        # Now it grows as well, and is relied on from then on.
        more = d.service.extend_volume('share-1', 12 * GIB)
        self.assertEqual(2, d.gluster(volume).sets)
        self.assertGreater(more.capacity_bytes, 12 * GIB)
        for brick, (lv, filesystem) in zip(
            d.bricks(more), _sizes(d, more), strict=True
        ):
            self.assertEqual(
                (brick.size_bytes, brick.size_bytes), (lv, filesystem)
            )
        self.assertEqual([], agreement.differences(d))

    def test_deleting_what_is_half_grown(self) -> None:
        """All of it goes, the new bricks as well."""
        d = self.deploy(nodes=3, disks=2, disk_bytes=10 * GIB)
        empty = d.world()
        d.create(gigabytes=7)
        d.executor.before = once(
            on('gl2', says('mount')),
            lambda host, command: d.cluster.cut_network(host),
        )
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.extend_volume,
            'share-1',
            14 * GIB,
        )
        d.service.delete_volume('share-1')
        self.assertIsNone(d.service.find_volume('share-1'))
        d.cluster.restore_network('gl2')
        self.assertEqual({''}, {each.error for each in d.service.recover()})
        self.assertEqual(empty, d.world())


class ShrinkTestCase(deployment.DeployedTestCase):
    """Less may be held; nothing is lost."""

    def test_to_a_larger_size(self) -> None:
        """The bricks would not hold it: that is no matter of the quota."""
        d = self.deploy()
        volume = d.create(gigabytes=2)
        before = d.world()
        error = self.assertRaises(
            exceptions.InvalidInput,
            d.service.shrink_volume,
            'share-1',
            3 * GIB,
        )
        self.assertIn(f'{2 * GIB} bytes, not more', str(error))
        self.assertEqual(
            volume, d.service.shrink_volume('share-1', 2 * GIB)
        )
        self.assertEqual(before, d.world())

    def test_while_it_is_being_made(self) -> None:
        """Whoever saw it too early is told so; Gluster is not asked."""
        d = self.deploy()
        seen = []

        def shrink(host, command):
            volume = d.service.volume('share-1')
            before = len(d.executor.seen)
            error = self.assertRaises(
                exceptions.Conflict,
                resize_volume.shrink,
                d.service.engine,
                volume,
                GIB,
            )
            seen.append((str(error), len(d.executor.seen) - before))

        d.executor.before = once(says('volume', 'create'), shrink)
        d.create(gigabytes=4)
        [(told, commands)] = seen
        self.assertIn('creating', told)
        self.assertEqual(0, commands)

    def test_the_quota_goes_down(self) -> None:
        """The bricks stay, so that growing again is quick."""
        d = self.deploy()
        volume = d.create(gigabytes=4)
        before = _sizes(d, volume)
        small = d.service.shrink_volume('share-1', GIB)
        self.assertEqual(GIB, small.size_bytes)
        self.assertEqual(GIB, d.gluster(volume).quota_bytes)
        self.assertEqual(before, _sizes(d, volume))
        self.assertEqual(volume.capacity_bytes, small.capacity_bytes)

        d.executor.seen.clear()
        d.service.extend_volume('share-1', 4 * GIB)
        [_, (_, command)] = d.executor.seen
        self.assertIn('limit-usage', command)

    def test_it_holds_more(self) -> None:
        """Refused with both numbers; nothing changed."""
        d = self.deploy()
        volume = d.create(gigabytes=4)
        d.gluster(volume).used_bytes = 2 * GIB
        before = d.world()
        error = self.assertRaises(
            exceptions.ShrinkWouldLoseData,
            d.service.shrink_volume,
            'share-1',
            GIB,
        )
        self.assertIn(str(2 * GIB), str(error))
        self.assertIn(str(GIB), str(error))
        self.assertEqual(before, d.world())
        d.service.shrink_volume('share-1', 2 * GIB)

    def test_gluster_refuses(self) -> None:
        """The old quota stands."""
        d = self.deploy()
        d.create(gigabytes=4)
        before = d.world()
        d.executor.before = once(says('limit-usage'), fail())
        self.assertRaises(
            exceptions.OperationFailed,
            d.service.shrink_volume,
            'share-1',
            GIB,
        )
        self.assertEqual(before, d.world())

    def test_nobody_answers(self) -> None:
        """How much it holds is not known, so it is not shrunk."""
        d = self.deploy()
        d.create(gigabytes=4)
        before = d.record()
        for host in d.hosts:
            d.cluster.cut_network(host)
        self.assertRaises(
            exceptions.NoNodeOnline, d.service.shrink_volume, 'share-1', GIB
        )
        self.assertEqual(before, d.record())

    def test_an_extension_that_could_not_be_undone(self) -> None:
        """It is undone before the next change, not after it."""
        d = self.deploy()
        volume = d.create(gigabytes=4, headroom_bytes=4 * GIB)

        def cut(host, command):
            for each in d.hosts:
                d.cluster.cut_network(each)
            _lose(host, command)

        d.executor.after = once(says('limit-usage'), cut)
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.extend_volume,
            'share-1',
            6 * GIB,
        )
        for each in d.hosts:
            d.cluster.restore_network(each)
        d.service.shrink_volume('share-1', 3 * GIB)
        d.service.recover()
        self.assertEqual(3 * GIB, d.gluster(volume).quota_bytes)
        self.assertEqual(3 * GIB, d.service.volume('share-1').size_bytes)
        self.assertIs(
            model.VolumeState.READY, d.service.volume('share-1').state
        )
