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

"""A host that is a node, since it has a node's record."""

import dataclasses

from manila_gluster_heketi.hostcmd.node_record import NodeRecord
from manila_gluster_heketi.operations.truth import survey


@dataclasses.dataclass(frozen=True, slots=True)
class Sighted:
    """What was seen on the host, and what it says of itself."""

    view: survey.HostView
    record: NodeRecord

    @property
    def host(self) -> str:
        """Return the name that SSH goes to."""
        return self.view.host

    @property
    def address(self) -> str:
        """Return where Gluster has it."""
        return self.record.storage_host
