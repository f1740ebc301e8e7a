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


"""What was found, and how it is put right."""

import dataclasses

from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.meanings import Severity


@dataclasses.dataclass(frozen=True, slots=True)
class Mend:
    """The steps that put a difference right, each of which may be repeated.

    :ivar closing: steps to be done once, after all else that is mended of
        the same subject
    :ivar subject: id of the volume or node, for the journal
    :ivar rows: what the store said of the subject; if it says something else
        by the time of the mend, there is nothing to mend any more
    """

    subject: str
    cluster_id: str
    steps: tuple[step.Step, ...]
    rows: tuple[object, ...] = ()
    closing: tuple[step.Step, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    :ivar host: where SSH goes; '' if it is no single host's
    :ivar object: what differs, with its name
    :ivar remedy: None if ``check --repair`` leaves it to people
    """

    code: Code
    host: str
    object: str
    expected: str
    found: str
    remedy: Mend | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return self.code.value.severity

    @property
    def mend(self) -> str:
        """What puts it right."""
        return self.code.value.mend

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same difference when it is seen again."""
        return str(self.code), self.host, self.object

    def __str__(self) -> str:
        where = f'host {self.host}, ' if self.host else ''
        return (
            f'[{self.code}] {where}{self.object}: expected {self.expected}, '
            f'found {self.found}. {self.code.value.meaning}'
        )
