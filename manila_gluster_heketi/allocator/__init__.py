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

"""Where bricks go: pure functions of an inventory and a request.

No input or output, clock or global chance: the same question has the same
answer.
"""

from manila_gluster_heketi.allocator.capacity import PoolCapacity
from manila_gluster_heketi.allocator.capacity import Stranded
from manila_gluster_heketi.allocator.capacity import pool_stats
from manila_gluster_heketi.allocator.changes import AddDevices
from manila_gluster_heketi.allocator.changes import BringBack
from manila_gluster_heketi.allocator.changes import Change
from manila_gluster_heketi.allocator.changes import DevicesIn
from manila_gluster_heketi.allocator.changes import DropTags
from manila_gluster_heketi.allocator.changes import RaiseLimit
from manila_gluster_heketi.allocator.changes import RelaxTiers
from manila_gluster_heketi.allocator.changes import Together
from manila_gluster_heketi.allocator.explain import Explanation
from manila_gluster_heketi.allocator.explain import Refusal
from manila_gluster_heketi.allocator.fit import Fit
from manila_gluster_heketi.allocator.fit import fit
from manila_gluster_heketi.allocator.growth import capacity_of
from manila_gluster_heketi.allocator.growth import extend
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.level import Level
from manila_gluster_heketi.allocator.level import level_of
from manila_gluster_heketi.allocator.place import place
from manila_gluster_heketi.allocator.place import place_anywhere
from manila_gluster_heketi.allocator.placement import AddSets
from manila_gluster_heketi.allocator.placement import GrowBricks
from manila_gluster_heketi.allocator.placement import Growth
from manila_gluster_heketi.allocator.placement import Placement
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.reasons import Choice
from manila_gluster_heketi.allocator.reasons import Prospect
from manila_gluster_heketi.allocator.reasons import explain_placement
from manila_gluster_heketi.allocator.request import Limits
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.request import request_for
from manila_gluster_heketi.allocator.tiers import check_tiers

__all__ = [
    'AddDevices',
    'AddSets',
    'BringBack',
    'Change',
    'Choice',
    'DevicesIn',
    'DropTags',
    'Explanation',
    'Fit',
    'GrowBricks',
    'Growth',
    'Inventory',
    'Level',
    'Limits',
    'Placement',
    'PoolCapacity',
    'Prospect',
    'RaiseLimit',
    'Refusal',
    'RelaxTiers',
    'Request',
    'Slot',
    'Stranded',
    'Together',
    'capacity_of',
    'check_tiers',
    'explain_placement',
    'extend',
    'fit',
    'level_of',
    'place',
    'place_anywhere',
    'pool_stats',
    'request_for',
]
