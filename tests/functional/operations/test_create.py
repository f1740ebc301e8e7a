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

"""Creating volumes when all is well, when there is no room, and at once."""

import concurrent.futures
import threading

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.executor.simulated.cluster import Latency
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says


@ddt.ddt
class CreateTestCase(deployment.DeployedTestCase):
    """What a new volume is."""

    @ddt.data(('distribute', 1), ('replicate:2', 2), ('replicate:3', 3))
    @ddt.unpack
    def test_copies(self, durability, copies) -> None:
        """Each copy is on a node of its own, sealed and sized."""
        d = self.deploy()
        volume = d.create(durability=durability)

        self.assertIs(model.VolumeState.READY, volume.state)
        self.assertEqual(volume, d.service.volume('share-1'))
        made = d.gluster(volume)
        self.assertEqual('Started', made.status)
        self.assertEqual(copies, made.durability.bricks_per_set)
        self.assertEqual(2 * GIB, made.quota_bytes)
        self.assertEqual(list(d.service.bricks(volume)), made.addresses)
        self.assertEqual(
            copies, len({a.partition(':')[0] for a in made.addresses})
        )
        self.assertGreaterEqual(volume.capacity_bytes, 2 * GIB)
        self.assertEqual((), d.service.operations())

    def test_it_is_sealed_before_it_is_started(self) -> None:
        """An unset auth.ssl-allow would let every certificate in."""
        d = self.deploy()
        volume = d.create()
        verbs = [
            command.split()[3]
            for _, command in d.executor.seen
            if command.startswith('gluster --mode=script volume')
        ]
        self.assertEqual(['create', 'set', 'start', 'quota', 'quota'], verbs)
        options = d.gluster(volume).options
        self.assertEqual('on', options['client.ssl'])
        self.assertEqual('on', options['server.ssl'])
        self.assertEqual(
            f'gluster-heketi-node-{volume.cluster_id}',
            options['auth.ssl-allow'],
        )
        self.assertEqual('share-1', options['user.gluster-heketi.share-id'])
        self.assertEqual(volume.id, options['user.gluster-heketi.volume-id'])

    def test_options_of_the_operator(self) -> None:
        """They are set as well, and can't open the volume."""
        d = self.deploy(volume_options=['performance.io-cache=off'])
        options = d.gluster(d.create()).options
        self.assertEqual('off', options['performance.io-cache'])
        self.assertEqual('on', options['server.ssl'])

    def test_bricks_survive_a_reboot(self) -> None:
        """fstab has them."""
        d = self.deploy()
        d.create()
        before = d.world()
        d.cluster.power_off('gl1')
        self.assertNotEqual(before, d.world())
        d.cluster.power_on('gl1')
        self.assertEqual(before, d.world())

    def test_zones_strictly(self) -> None:
        """One brick of a set in each zone."""
        d = self.deploy(nodes=6, zones=3)
        volume = d.create(spread='strict')
        hosts = {a.partition(':')[0] for a in d.service.bricks(volume)}
        zones = {n.zone for n in d.service.nodes() if n.storage_host in hosts}
        self.assertEqual({1, 2, 3}, zones)

    def test_too_few_zones(self) -> None:
        """Strict is refused and says so; prefer and none are not."""
        d = self.deploy(nodes=4, zones=2)
        before = d.world()
        error = self.assertRaises(
            exceptions.NoSpace, d.create, spread='strict'
        )
        self.assertIn('zone', str(error))
        self.assertEqual(before, d.world())
        d.create('share-2', spread='prefer')
        d.create('share-3', spread='none')

    def test_headroom_is_kept_beyond_the_quota(self) -> None:
        """The bricks hold more than the share may."""
        d = self.deploy()
        volume = d.create(headroom_bytes=2 * GIB)
        self.assertEqual(2 * GIB, d.gluster(volume).quota_bytes)
        self.assertGreaterEqual(volume.capacity_bytes, 4 * GIB)

    def test_larger_than_a_device(self) -> None:
        """Several sets make one volume."""
        d = self.deploy(disks=3)
        volume = d.create(gigabytes=30)
        self.assertGreater(d.gluster(volume).sets, 1)

    def test_the_same_share_again(self) -> None:
        """A retry finds the volume; no command is sent."""
        d = self.deploy()
        first = d.create()
        before, commands = d.world(), len(d.executor.seen)
        self.assertEqual(first, d.create())
        self.assertEqual(before, d.world())
        self.assertEqual(commands, len(d.executor.seen))

    def test_a_foreign_volume_has_the_name(self) -> None:
        """It is not ours, so it stays; the creation is undone."""
        d = self.deploy()
        d.executor.before = once(
            says('volume', 'create'), lambda h, c: _make_foreign(d, c)
        )
        error = self.assertRaises(exceptions.OperationFailed, d.create)
        self.assertIn('already exists', str(error))
        self.assertEqual(('manila-share-1',), d.cluster.volume_names('gl1'))
        self.assertEqual((), d.service.volumes())
        self.assertEqual((), d.service.operations())

    def test_in_a_cluster_that_is_not_there(self) -> None:
        """Said, and nothing changed."""
        d = self.deploy()
        self.assertRaises(exceptions.NotFound, d.create, cluster_id='0' * 32)
        self.assertEqual((), d.service.volumes())

    @ddt.data('a b', 'a/b', 'x' * 64, 'ä')
    def test_a_name_that_gluster_does_not_take(self, name) -> None:
        """Refused before anything is made."""
        d = self.deploy()
        before = d.world()
        spec = model.VolumeSpec('share-1', name, GIB)
        error = self.assertRaises(
            exceptions.InvalidInput, d.service.create_volume, spec
        )
        self.assertIn(name, str(error))
        self.assertEqual(before, d.world())


def _make_foreign(d, command):
    """Have somebody else make a volume of the name, on other bricks."""
    name = command.argv[command.argv.index('create') + 1]
    d.cluster.pool('gl1').volumes[name] = Volume(
        name, DISTRIBUTE, ['10.0.0.1:/srv/theirs']
    )


class NoRoomTestCase(deployment.DeployedTestCase):
    """Nothing is placed, nothing is left."""

    def _refused(self, d, *args, **kwargs) -> str:
        before, commands = d.world(), len(d.executor.seen)
        error = self.assertRaises(
            exceptions.NoSpace, d.create, *args, **kwargs
        )
        self.assertEqual(before, d.world())
        self.assertEqual(commands, len(d.executor.seen))
        return str(error)

    def test_larger_than_the_cluster(self) -> None:
        """The largest size that fits is named."""
        text = self._refused(self.deploy(), gigabytes=500)
        self.assertIn('500', text)
        self.assertRegex(text, r'largest|at most|fits')

    def test_more_copies_than_nodes(self) -> None:
        """Two nodes can't hold three copies."""
        self._refused(self.deploy(nodes=2, zones=1))

    def test_no_cluster_at_all(self) -> None:
        """A store without a topology says so."""
        d = self.deploy(load=False)
        error = self.assertRaises(exceptions.NoSpace, d.create)
        self.assertIn('topology load', str(error))
        self.assertEqual((), d.service.volumes())

    def test_when_others_have_taken_the_room(self) -> None:
        """A volume that is gone gives its room back."""
        d = self.deploy(disk_bytes=10 * GIB)
        d.create('share-1', gigabytes=6)
        self._refused(d, 'share-2', gigabytes=6)
        d.service.delete_volume('share-1')
        d.create('share-2', gigabytes=6)

    def test_no_node_is_online(self) -> None:
        """Hosts that do not answer are left out one after another."""
        d = self.deploy()
        before = d.world()['record']
        for host in d.hosts:
            d.cluster.cut_network(host)
        error = self.assertRaises(exceptions.OperationStuck, d.create)
        self.assertIn('No route to host', str(error))
        for host in d.hosts:
            d.cluster.restore_network(host)
        d.service.recover()
        self.assertEqual(before, d.world()['record'])


class AtOnceTestCase(deployment.DeployedTestCase):
    """Requests side by side."""

    def _all(self, calls):
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return [each.result() for each in [pool.submit(c) for c in calls]]

    def test_one_share_from_two_threads(self) -> None:
        """Both get the one volume."""
        d = self.deploy(latency=Latency({'gluster volume': 0.02}))
        one, two = self._all([d.create, d.create])
        self.assertEqual(one, two)
        self.assertEqual(1, len(d.service.volumes()))
        self.assertEqual(1, len(d.cluster.volume_names('gl1')))

    def test_one_share_from_two_processes(self) -> None:
        """The second one waits for the first, and finds it."""
        d = self.deploy(latency=Latency({'gluster volume': 0.02}))
        other, _ = d.process()
        one, two = self._all([d.create, lambda: other.create_volume(d.spec())])
        self.assertEqual(one, two)
        self.assertEqual(1, len(d.cluster.volume_names('gl1')))

    def test_eight_shares(self) -> None:
        """All are made, none over another's room."""
        d = self.deploy(
            nodes=4, disks=2, latency=Latency({'gluster volume': 0.02})
        )
        made = self._all(
            [lambda n=n: d.create(f'share-{n}') for n in range(8)]
        )
        self.assertEqual(8, len({v.name for v in made}))
        self.assertEqual(8, len(d.cluster.volume_names('gl1')))
        for each in d.service.clusters()[0].devices:
            self.assertLessEqual(each.used_bytes, each.device.total_bytes)
        self.assertEqual((), d.service.operations())

    def test_the_last_room_is_given_once(self) -> None:
        """Of two that want it, one gets it."""
        d = self.deploy(disk_bytes=10 * GIB)

        def create(number):
            try:
                return d.create(f'share-{number}', gigabytes=6)
            except exceptions.NoSpace:
                return None

        made = self._all([lambda n=n: create(n) for n in range(4)])
        self.assertEqual(1, len([v for v in made if v is not None]))
        self.assertEqual(1, len(d.service.volumes()))

    def test_two_changes_of_one_share(self) -> None:
        """The second begins when the first has ended."""
        d = self.deploy()
        d.create()
        inside, overlap = [], []
        busy = threading.Barrier(2)

        def enter(host, command):
            if 'limit-usage' in command.argv or 'set' in command.argv:
                inside.append(command)
                overlap.append(len(inside) > 1)

        def leave(host, command):
            if command in inside:
                inside.remove(command)

        d.executor.before, d.executor.after = enter, leave

        def change(act):
            busy.wait(10)
            act()

        self._all(
            [
                lambda: change(
                    lambda: d.service.extend_volume('share-1', 3 * GIB)
                ),
                lambda: change(
                    lambda: d.service.change_access('share-1', add=['alice'])
                ),
            ]
        )
        self.assertEqual([False, False], overlap)
        volume = d.service.volume('share-1')
        self.assertEqual(
            (3 * GIB, ('alice',)), (volume.size_bytes, volume.access)
        )

    def test_gluster_is_busy(self) -> None:
        """Its lock is waited for; the batch goes on where it was refused."""
        d = self.deploy()
        d.executor.before = once(on('gl1', says('volume', 'start')), _busy)
        d.create()
        verbs = [
            command.split()[3]
            for _, command in d.executor.seen
            if command.startswith('gluster --mode=script volume')
        ]
        self.assertEqual(['create', 'set', 'start', 'quota', 'quota'], verbs)

    def test_gluster_stays_busy(self) -> None:
        """Patience ends, and the volume is taken back."""
        d = self.deploy(gluster_busy_timeout=10)
        before = d.world()

        def busy(host, command):
            if 'start' in command.argv:
                _busy(host, command)

        d.executor.before = busy
        error = self.assertRaises(exceptions.OperationFailed, d.create)
        self.assertIn('Gluster is too busy', str(error))
        self.assertEqual(before, d.world())


def _busy(host, command):
    raise exceptions.CommandFailed(
        host=host,
        command=str(command),
        status=1,
        stderr='volume start: x: failed: Another transaction is in progress '
        'for x. Please try again after some time.',
        completed=0,
    )


class LimitTestCase(deployment.DeployedTestCase):
    """Not too many changes of one cluster at once."""

    def test_more_requests_than_places(self) -> None:
        """They wait for each other, and all are made."""
        d = self.deploy(
            cluster_operations=2, latency=Latency({'gluster volume': 0.02})
        )
        lock = threading.Lock()
        busy: set[str] = set()
        most = []

        def note(host: str, command: Command) -> None:
            if 'create' in command.argv or 'limit-usage' in command.argv:
                share = next(w for w in command.argv if 'share-' in w)
                with lock:
                    busy.add(share)
                    most.append(len(busy))
                    if 'limit-usage' in command.argv:
                        busy.discard(share)

        d.executor.before = note
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            made = [pool.submit(d.create, f'share-{n}') for n in range(6)]
            for each in made:
                each.result()
        self.assertEqual(2, max(most))
        self.assertEqual(6, len(d.service.volumes()))
