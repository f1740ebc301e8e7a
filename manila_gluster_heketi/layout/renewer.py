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

"""Renewal of nodes' certificates behind a process that lasts."""

from oslo_log import log

from manila_gluster_heketi.service import Service

LOG = log.getLogger(__name__)

# Looking costs one round trip to each node.
INTERVAL_SECONDS = 3600.0


def renew(service: Service) -> None:
    """Renew what is due, and say what could not be renewed."""
    for each in service.node_certificates.renew_ahead():
        if not each.is_good:
            LOG.warning(
                'certificate of %s: %s, %s',
                each.host,
                each.outcome,
                each.detail,
            )
