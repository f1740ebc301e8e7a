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

"""Where bricks go: pure functions of a snapshot and a request.

No input or output, clock or global chance: the same question has the same
answer.
"""

from manila_gluster_heketi.allocator.capacity import PoolCapacity
from manila_gluster_heketi.allocator.capacity import pool_stats
from manila_gluster_heketi.allocator.explain import Explanation
from manila_gluster_heketi.allocator.explain import Refusal
from manila_gluster_heketi.allocator.growth import capacity_of
from manila_gluster_heketi.allocator.growth import extend
from manila_gluster_heketi.allocator.placement import AddSets
from manila_gluster_heketi.allocator.placement import GrowBricks
from manila_gluster_heketi.allocator.placement import Growth
from manila_gluster_heketi.allocator.placement import Placement
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.request import Limits
from manila_gluster_heketi.allocator.search import place
from manila_gluster_heketi.allocator.search import place_anywhere

__all__ = [
    'AddSets',
    'Explanation',
    'GrowBricks',
    'Growth',
    'Limits',
    'Placement',
    'PoolCapacity',
    'Refusal',
    'Slot',
    'capacity_of',
    'extend',
    'place',
    'place_anywhere',
    'pool_stats',
]
