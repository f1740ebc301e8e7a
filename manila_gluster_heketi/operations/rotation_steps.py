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

"""Steps of one phase of a rotation to the next: seen, then recorded."""

import dataclasses
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.operations import lag as lags
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import tls_facts
from manila_gluster_heketi.operations.lag import Lag
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site


@step.persisted
@dataclasses.dataclass(frozen=True)
class BeginRotation(step.Step):
    """Two authorities in place of one: recorded with what closes this.

    The key of the new one is where the authority is kept by then.

    :ivar number: of the rotation
    :ivar old_pem: certificate of the old authority, and those above it
    :ivar new_pem: the same of the new one
    :ivar link_pem: certificate of the new one by the old one, or ''
    """

    kind: ClassVar[str] = 'begin-rotation'
    number: int
    old_pem: str
    new_pem: str
    link_pem: str

    def do(self, site: Site) -> Found:
        """Nothing on any host."""
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing; a key that nobody heard of goes when the next is made."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class CheckPhase(step.Step):
    """A node that has to be at the phase that is to end.

    :ivar directory: where glusterfs reads its certificate
    """

    kind: ClassVar[str] = 'check-phase'
    directory: str

    def do(self, site: Site) -> Found:
        """Look at its files.

        :raises HostUnfit: it is behind
        """
        [facts] = tls_facts.look_in(
            site.executor, {self.host: self.directory}
        ).values()
        if isinstance(facts, exceptions.HostError):
            raise facts
        lag = lags.lag(facts, site.authority())
        if lag is not Lag.NONE:
            raise exceptions.HostUnfit(host=self.host, reason=lag.value)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing was changed."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class TurnPhase(step.Step):
    """The next phase: a change of the record, with what closes the operation.

    :ivar number: of the rotation
    :ivar phase: that ends
    :ivar direction: that it had
    :ivar next_phase: that begins; '' if the rotation ends
    :ivar next_direction: from now on
    """

    kind: ClassVar[str] = 'turn-phase'
    number: int
    phase: str
    direction: str
    next_phase: str
    next_direction: str

    def do(self, site: Site) -> Found:
        """Nothing on any host."""
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing either."""
