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

"""Clocks of hosts beside ours: certificates need them to agree."""

from manila_gluster_heketi.tls import policy


def offset(said: float, began: float, ended: float) -> float:
    """Compare a clock with ours, when exactly it was asked is open.

    A host that is slow to answer must not make others look wrong.

    :param said: what the host said, in seconds since 1970
    :param began, ended: between when it was asked, by our clock
    :returns: seconds by which it is ahead, at least; 0 if both may agree
    """
    if said > ended:
        return said - ended
    return min(said - began, 0.0)


def is_wrong(offset_seconds: float) -> bool:
    """Tell whether a new certificate might not be valid there."""
    return abs(offset_seconds) > policy.BACK_DATING.total_seconds()
