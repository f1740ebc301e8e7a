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

"""Whether there is anything that a tier of a request could tell apart."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.inventory import Inventory

_OWN_LABELS = (spread.ZONE, spread.NODE)


def check_tiers(inventory: Inventory, request: requests.Request) -> None:
    """Look for tags that the tiers of a request name.

    A cluster without devices is as good as any.

    :raises InvalidInput: no device or node has one of them
    """
    devices = inventory.snapshot().devices
    for tier in request.spread.tiers:
        if tier.label in _OWN_LABELS or not devices:
            continue
        if not any(value_of(each, tier.label) for each in devices):
            raise exceptions.InvalidInput(
                field='spread',
                value=str(request.spread),
                reason=f'no device or node has a tag {tier.label!r}',
            )
