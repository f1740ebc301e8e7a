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

"""Nodes that come to, and go from, a cluster with management encryption."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.operations.test_secure_access import SecuredTestCase

_FILE = names.SECURE_ACCESS


class NodesTestCase(SecuredTestCase):
    """Nodes that come and go."""

    hosts = 4

    def setUp(self) -> None:
        """Have three with it, and a fourth host."""
        deployment.DeployedTestCase.setUp(self)
        self.d = self.deploy(nodes=4, load=False)
        self.d.load(self.d.document('gl1', 'gl2', 'gl3'))
        self.switch()
        self.before = self.d.world()

    def test_node_comes(self) -> None:
        """It has a certificate and the file before it is probed."""
        self.d.load()
        self.assert_switched(True)
        self.d.create(durability='disperse:2+1')

    def test_node_goes(self) -> None:
        """And its file with it."""
        self.d.load()
        self.d.service.hardware.remove_device('gl4', '/dev/vdb')
        self.d.service.hardware.remove_node('gl4')
        self.assertEqual(([], []), self.having('gl4'))
        self.assertEqual(self.before, self.d.world())

    def test_node_can_not_join(self) -> None:
        """It is as it was, without certificate and file."""
        self.d.executor.before = once(says('probe'), fail('no'))
        self.assertRaises(exceptions.OperationFailed, self.d.load)
        self.assertEqual(([], []), self.having('gl4'))
        self.assertEqual(self.before, self.d.world())

    def test_stranger_with_the_file(self) -> None:
        """Whatever its cluster speaks, it would not be what it was before."""
        self.files('gl4')[_FILE] = self.files('gl1')[_FILE]
        error = self.assertRaises(exceptions.HostUnfit, self.d.load)
        self.assertIn(_FILE, str(error))


class RebuiltTestCase(SecuredTestCase):
    """A lost store."""

    def test_most_nodes_have_it(self) -> None:
        """The record says so, and ``check`` names the other one."""
        self.switch()
        del self.files('gl2')[_FILE]
        self.assertTrue(self._rebuilt().secure_access)

    def test_few_nodes_have_it(self) -> None:
        """The record says the opposite."""
        self.files('gl2')[_FILE] = self.files('gl2')[names.FSTAB]
        self.assertFalse(self._rebuilt().secure_access)

    def _rebuilt(self) -> model.Cluster:
        [found] = self.d.service.truth.plan_rebuild(['gl1']).clusters
        return found
