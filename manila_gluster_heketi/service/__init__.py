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

"""The façade: the only way in for layouts, the command line and REST.

:class:`Service` changes things; what only asks is in rooms of its own,
``service.capacity`` and ``service.plans``; ``service.truth`` compares what is
on record with the nodes.
"""

from manila_gluster_heketi.service.capacity import ClusterFit
from manila_gluster_heketi.service.capacity import Pool
from manila_gluster_heketi.service.capacity import Report
from manila_gluster_heketi.service.facade import Service

__all__ = ['ClusterFit', 'Pool', 'Report', 'Service']
