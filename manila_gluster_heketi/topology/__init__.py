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

"""The topology document: what there should be, and what is missing of it.

The format is Heketi's. Clusters, nodes and devices are known by the name of
the cluster, the first ``manage`` hostname and the path of the device. Loading
adds and updates; it never removes.
"""

from manila_gluster_heketi.topology.difference import DeviceToAdd
from manila_gluster_heketi.topology.difference import DeviceUpdate
from manila_gluster_heketi.topology.difference import NodeToAdd
from manila_gluster_heketi.topology.difference import NodeUpdate
from manila_gluster_heketi.topology.difference import TopologyDiff
from manila_gluster_heketi.topology.difference import diff
from manila_gluster_heketi.topology.document import document
from manila_gluster_heketi.topology.document import from_document
from manila_gluster_heketi.topology.document import parse
from manila_gluster_heketi.topology.wanted import CurrentTopology
from manila_gluster_heketi.topology.wanted import WantedCluster
from manila_gluster_heketi.topology.wanted import WantedDevice
from manila_gluster_heketi.topology.wanted import WantedNode
from manila_gluster_heketi.topology.wanted import WantedTopology

__all__ = [
    'CurrentTopology',
    'DeviceToAdd',
    'DeviceUpdate',
    'NodeToAdd',
    'NodeUpdate',
    'TopologyDiff',
    'WantedCluster',
    'WantedDevice',
    'WantedNode',
    'WantedTopology',
    'diff',
    'document',
    'from_document',
    'parse',
]
