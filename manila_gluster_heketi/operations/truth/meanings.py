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


"""What is said of a difference between store and nodes."""

import dataclasses

from manila_gluster_heketi import model


class Severity(model.Text):
    """How much a difference matters.

    ERROR    data, access or a change that is asked for fails, or would
    WARNING  it does as soon as something else happens: a reboot, a lost store
    INFO     nothing will ever come of it
    """

    ERROR = 'error'
    WARNING = 'warning'
    INFO = 'info'


@dataclasses.dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for.

    :ivar mends: ``check --repair`` does what ``mend`` says
    """

    code: str
    severity: Severity
    meaning: str
    mend: str
    mends: bool = False
