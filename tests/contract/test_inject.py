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

"""Faults on purpose strike the same command of a batch on both sites.

What the process dies of is in tests/crash and in tests/lab/test_crash_points.
"""

import dataclasses

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd import system
from tests.contract import site
from tests.contract import test_bricks

_LINE_IN_FSTAB = 4
_MADE, _IN_FSTAB, _MOUNTED = 'made', 'in fstab', 'mounted'
_ALL = {_MADE, _IN_FSTAB, _MOUNTED}
_FULL = 'cannot create temp file for here document: No space left on device'


def _at_fstab(act, **fields):
    return Rule(act, position=_LINE_IN_FSTAB, **fields)


@ddt.ddt
class InjectContract(site.Contract):
    """A brick is made on one host, and its line of fstab goes wrong."""

    host_count = 1

    def setUp(self):
        super().setUp()
        self.node = self.nodes[0]
        self.run_on(self.node, *site.thin_pool(self.node))

    def _found(self):
        """Say what there is of the brick."""
        volumes, table, fstab = self.run_on(
            self.node,
            lvm.lvs(site.VG),
            system.read_file('/proc/mounts'),
            system.read_file('/etc/fstab'),
        )
        names = {
            each.name
            for each in lvm_report.logical_volumes('n', volumes.stdout)
        }
        path = site.mount_path('brick_1')
        found = {
            _MADE: 'brick_1' in names,
            _IN_FSTAB: self._has(fstab, path),
            _MOUNTED: self._has(table, path),
        }
        return {name for name, is_there in found.items() if is_there}

    @staticmethod
    def _has(listing, path):
        return path in {
            each.path for each in mount_table.parse(listing.stdout)
        }

    def _strike(self, rule, error):
        """Make a brick in vain; return what made it fail."""
        self.injector = inject.Injector(self.executor, [rule])
        return self.assertRaises(
            error,
            self.injector.run_batch,
            self.node.host,
            test_bricks.make_brick(),
        )

    def _assert_can_be_finished(self):
        self.injector.run_batch(self.node.host, test_bricks.make_brick())
        self.assertEqual(_ALL, self._found())

    @ddt.data(
        (_at_fstab(Act.FAIL, stderr=_FULL), exceptions.CommandFailed),
        (_at_fstab(Act.LOSE), exceptions.ConnectionLost),
        (_at_fstab(Act.HANG, seconds=0.1), exceptions.CommandTimedOut),
    )
    @ddt.unpack
    def test_the_rest_is_not_run(self, rule, error):
        for when, ran in (
            (When.BEFORE, {_MADE}),
            (When.AFTER, {_MADE, _IN_FSTAB}),
        ):
            self._strike(dataclasses.replace(rule, when=when), error)
            self.assertEqual(ran, self._found())
            self._assert_can_be_finished()
            self.run_on(self.node, *test_bricks.destroy_brick())

    def test_a_failure_tells_what_ran_before_it(self):
        error = self._strike(
            _at_fstab(Act.FAIL, status=2, stderr=_FULL),
            exceptions.CommandFailed,
        )
        self.assertEqual(_LINE_IN_FSTAB - 1, error.fields['completed'])
        self.assertEqual(2, error.fields['status'])
        self.assertIn(_FULL, str(error))

    @ddt.data(Act.LOSE, Act.HANG)
    def test_the_rest_is_run_unheard(self, act):
        self._strike(
            _at_fstab(act, seconds=0.1, rest=Rest.NOW), exceptions.HostError
        )
        self.assertEqual(_ALL, self._found())
        self._assert_can_be_finished()

    @ddt.data(Act.LOSE, Act.HANG)
    def test_the_rest_is_run_late(self, act):
        self._strike(
            _at_fstab(act, seconds=0.1, rest=Rest.LATER), exceptions.HostError
        )
        self.assertEqual({_MADE}, self._found())
        self.injector.run_late()
        self.assertEqual(_ALL, self._found())
        self._assert_can_be_finished()

    def test_a_delay_changes_nothing(self):
        slept = []
        injector = inject.Injector(
            self.executor,
            [_at_fstab(Act.DELAY, seconds=7)],
            sleep=slept.append,
        )
        results = injector.run_batch(self.node.host, test_bricks.make_brick())
        self.assertEqual([7], slept)
        self.assertEqual(len(test_bricks.make_brick()), len(results))
        self.assertEqual(_ALL, self._found())


class SimulatedInjectTest(InjectContract, site.SimulatedSite):
    """On simulated hosts."""


class LabInjectTest(InjectContract, site.LabSite):
    """On real hosts."""
