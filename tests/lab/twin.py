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

"""The nodes of the lab, simulated: to know in no time where one can die."""

import dataclasses
import json
from collections.abc import Sequence

import fixtures

from manila_gluster_heketi.executor import base as executors
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.service import Service
from tests.crash import stage
from tests.functional import deployment
from tests.lab import changes


class _Told:
    """Writes down what hosts are told to do."""

    def __init__(self, inner: executors.Executor) -> None:
        self._inner = inner
        self.commands: list[str] = []

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[executors.Result, ...]:
        """See :class:`executors.Executor`."""
        self.commands += [f'{each} on {host}' for each in batch]
        return self._inner.run_batch(host, batch)


class Twin(fixtures.Fixture):
    """A service on a store of its own, and all nodes of a lab loaded."""

    def __init__(self, lab: layout.Lab) -> None:
        self._lab = lab

    def _setUp(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'concurrent.futures.ThreadPoolExecutor', stage.InTurn
            )
        )
        nodes = cluster.SimulatedCluster(
            HostSpec(
                node.address,
                node.address,
                dict.fromkeys(node.devices, self._lab.spec.disk_bytes),
            )
            for node in self._lab.nodes
        )
        self._told = _Told(nodes)
        directory = self.useFixture(fixtures.TempDir()).path
        self.service = Service(
            deployment.settings_in(directory), executor=self._told
        )
        self.addCleanup(self.service.store.close)
        self.service.engine.site = dataclasses.replace(
            self.service.engine.site, sleep=nodes.advance
        )
        self.service.prepare()
        document = topology.topology_document(self._lab)
        self.service.load_topology(json.dumps(document))

    def commands(self, change: changes.Change) -> list[str]:
        """Make a change; list its commands, one host after the other."""
        self._told.commands.clear()
        change.act(self.service)
        assert change.is_done(self.service), change.name
        return list(self._told.commands)
