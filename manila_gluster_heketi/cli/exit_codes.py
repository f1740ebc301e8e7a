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

"""What the exit status of ``gluster-heketi`` means."""

import enum


class ExitCode(enum.IntEnum):
    """Persisted in people's scripts: never renumber."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    NO_SPACE = 3
    HOST = 4
    STUCK = 5
    FINDINGS = 6
    BUG = 70
