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

"""How long a certificate still holds."""

import datetime

from manila_gluster_heketi.tls import policy


def days_left(not_after: datetime.datetime) -> int:
    """Count whole days until a certificate expires; negative afterwards.

    :param not_after: with a time zone
    """
    return (not_after - policy.now()).days
