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

"""Hosts lose their power while bricks are young."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.interference import once
from tests.functional.interference import says


def _online(d, volume, dead=''):
    host = next(each for each in d.hosts if each != dead)
    [answer] = d.cluster.run_batch(
        host, [gluster.volume_status(volume.name)]
    )
    return gluster_xml.bricks_online('', answer.stdout)


def _power_cycle(d, *hosts):
    for host in hosts:
        d.cluster.power_off(host)
    for host in hosts:
        d.cluster.power_on(host)


class YoungBricksTestCase(deployment.DeployedTestCase):
    """What XFS has not written yet is lost."""

    def test_right_after_a_create(self) -> None:
        """All bricks start again."""
        d = self.deploy()
        volume = d.create()

        _power_cycle(d, *d.hosts)

        self.assertEqual({*d.service.bricks(volume)}, _online(d, volume))

    def test_right_after_brick_sets_were_added(self) -> None:
        """The new ones start again too."""
        d = self.deploy(disks=2, disk_bytes=6 * GIB)
        d.create(gigabytes=4)
        volume = d.service.extend_volume('share-1', 8 * GIB)
        self.assertEqual(6, len(d.bricks(volume)))

        _power_cycle(d, *d.hosts)

        self.assertEqual({*d.service.bricks(volume)}, _online(d, volume))

    def test_without_the_hooks(self) -> None:
        """This is what they are for."""
        d = self.deploy()
        for host in d.hosts:
            for path in names.FLUSH_HOOKS:
                del d.cluster.host(host).space.root.files[path]
        volume = d.create()

        _power_cycle(d, 'gl2')

        self.assertEqual(2, len(_online(d, volume)))


class WhileGlusterWorksTestCase(deployment.DeployedTestCase):
    """Gluster itself goes on without the peer."""

    def test_a_volume_is_created(self) -> None:
        """It is made anew where all bricks run."""
        d = self.deploy(nodes=4)
        died = []

        def die(host, command):
            bad = next(h for h in d.hosts if h != host and self._has_lv(d, h))
            died.append(bad)
            d.cluster.power_off(bad)

        d.executor.before = once(says('volume', 'start'), die)
        volume = d.create()

        [bad] = died
        bricks = d.service.bricks(volume)
        self.assertNotIn(d.storage(bad), str(bricks))
        self.assertEqual({*bricks}, _online(d, volume, dead=bad))
        d.cluster.power_on(bad)
        self.assertEqual('', d.service.recover()[0].error)
        self.assertEqual([volume], list(d.service.volumes()))
        self.assertFalse(self._has_lv(d, bad))

    def _has_lv(self, d, host) -> bool:
        return any('brick_' in path for path in d.on_hosts()[host]['volumes'])

    def test_there_is_no_other_host(self) -> None:
        """The error names the brick that does not run."""
        d = self.deploy()
        before = d.world()
        d.executor.before = once(
            says('quota', 'limit-usage'),
            lambda host, command: d.cluster.power_off(
                next(h for h in d.hosts if h != host)
            ),
        )

        error = self.assertRaises(exceptions.OperationStuck, d.create)

        [off] = [h for h in d.hosts if not d.cluster.host(h).is_up]
        self.assertIn(
            f'bricks that do not run: {d.storage(off)}:', str(error)
        )
        d.cluster.power_on(off)
        self.assertEqual('', d.service.recover()[0].error)
        self.assertEqual(before, d.world())
