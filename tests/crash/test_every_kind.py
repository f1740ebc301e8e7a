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


"""No kind of operation is left out where all points are tried."""

from collections.abc import Iterable

from manila_gluster_heketi.model import OpKind
from tests import base
from tests.crash import changes
from tests.crash import every_change
from tests.crash import stage
from tests.crash import test_every_host_fault
from tests.crash import test_every_point
from tests.crash.change import Change


def _tried(loop: type[stage.Staged]) -> list[Change]:
    return [each.change for each in loop.__subclasses__()]


def _names(of: Iterable[Change]) -> set[str]:
    return {each.name for each in of}


class EveryKindTestCase(base.TestCase):
    """A new one needs a change of its own; a stage looks if it is honest."""

    def _assert_has_all_kinds(self, loop: type[stage.Staged]) -> None:
        tried = {kind for each in _tried(loop) for kind in each.kinds}
        self.assertEqual(set(OpKind), tried)

    def test_processes_die_in_each(self) -> None:
        """At every point."""
        self._assert_has_all_kinds(test_every_point.EveryPoint)

    def test_hosts_fail_in_each(self) -> None:
        """At every step."""
        self._assert_has_all_kinds(test_every_host_fault.EveryHostFault)

    def test_each_change_is_tried(self) -> None:
        """In both ways."""
        everything = _names(every_change.ALL)
        hosts_fail = _tried(test_every_host_fault.EveryHostFault)
        self.assertEqual(everything, _names(hosts_fail))
        # To a process that dies it is no matter which hosts there are.
        everything -= _names(
            [changes.CREATE_ELSEWHERE, changes.EXTEND_ELSEWHERE]
        )
        processes_die = _tried(test_every_point.EveryPoint)
        self.assertEqual(everything, _names(processes_die))
