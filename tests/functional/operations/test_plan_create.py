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

"""Plans of volumes: what they say is what is done, and nothing is done."""

from collections.abc import Iterable

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import create_volume
from tests.functional import deployment


def _text(command: Command) -> str:
    """Write all of a command, with what it reads."""
    return f'{command!r} {command.stdin!r}'


def _by_host(calls: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep the order on each host: hosts of bricks work at once."""
    return sorted(calls, key=lambda call: call[0])


@ddt.ddt
class PlanTestCase(deployment.DeployedTestCase):
    """Plans are compared with what then runs on simulated hosts."""

    def _without_ids(
        self, text: str, volume: model.Volume, bricks: tuple[model.Brick, ...]
    ) -> str:
        """Give identities that differ from run to run names of their own."""
        text = text.replace(volume.id, 'VOLUME')
        for brick in bricks:
            name = f'BRICK-{brick.set_index}-{brick.position}'
            text = text.replace(brick.id, name)
        return text

    def _planned(self, plan: create_volume.Plan) -> list[tuple[str, str]]:
        return _by_host(
            (step.host, self._without_ids(_text(c), plan.volume, plan.bricks))
            for step in plan.steps
            for c in step.commands
        )

    @ddt.data('replicate:3', 'arbiter', 'disperse:2+1', 'distribute')
    def test_planned_commands_are_those_that_run(self, kind: str) -> None:
        """Host by host, and the store and the hosts do not know of it."""
        d = self.deploy()
        before = d.world()
        already = len(d.executor.seen)
        plan = d.service.plans.create_volume(d.spec(durability=kind))
        self.assertEqual(before, d.world())
        self.assertEqual(already, len(d.executor.seen))

        calls: list[tuple[str, Command]] = []
        d.executor.before = lambda *call: calls.append(call)
        volume = d.create(durability=kind)
        bricks = d.bricks(volume)
        ran = _by_host(
            (host, self._without_ids(_text(c), volume, bricks))
            for host, c in calls
        )
        self.assertEqual(ran, self._planned(plan))
        self.assertEqual(
            [(b.device_id, b.size_bytes) for b in bricks],
            [(b.device_id, b.size_bytes) for b in plan.bricks],
        )

    def test_share_that_has_a_volume(self) -> None:
        """There is nothing to plan."""
        d = self.deploy()
        d.create()
        self.assertRaises(
            exceptions.Conflict, d.service.plans.create_volume, d.spec()
        )

    def test_no_room(self) -> None:
        """The refusal is that of a creation."""
        d = self.deploy()
        self.assertRaises(
            exceptions.NoSpace,
            d.service.plans.create_volume,
            d.spec(gigabytes=999),
        )
