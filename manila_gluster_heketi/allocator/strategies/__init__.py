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

"""Ways to choose places, to use and to compare.

Most are the one search with an opinion of their own on what is better;
Heketi's ring chooses sets itself. Names for them, and those of others, are
entry points: see :mod:`manila_gluster_heketi.strategies`.
"""

from manila_gluster_heketi.allocator import scoring
from manila_gluster_heketi.allocator.strategies.base import Scored
from manila_gluster_heketi.allocator.strategies.base import Strategy
from manila_gluster_heketi.allocator.strategies.checked import Checked
from manila_gluster_heketi.allocator.strategies.heketi_ring import HeketiRing

__all__ = [
    'BALANCED',
    'HEKETI_RING',
    'MOST_FREE',
    'OURS',
    'PACKED',
    'STRAW2',
    'Checked',
    'HeketiRing',
    'Scored',
    'Strategy',
]

BALANCED: Strategy = Scored(scoring.Balanced)
HEKETI_RING: Strategy = HeketiRing()
MOST_FREE: Strategy = Scored(scoring.MostFree)
PACKED: Strategy = Scored(scoring.Packed)
STRAW2: Strategy = Scored(scoring.Straw2)

#: Those whose answers tests have looked at.
OURS = (BALANCED, HEKETI_RING, MOST_FREE, PACKED, STRAW2)
