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

"""Renewal of nodes' certificates in the background of a share service."""

import time
from collections.abc import Callable

from oslo_log import log

from manila_gluster_heketi.service import Service

LOG = log.getLogger(__name__)

# Looking costs one round trip to each node.
INTERVAL_SECONDS = 3600.0


class Renewer:
    """Renews what is due, at most once an hour."""

    def __init__(
        self, service: Service, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know whose nodes.

        :param clock: in seconds
        """
        self._service = service
        self._clock = clock
        self._next = clock()

    def turn(self) -> None:
        """Look, if it is time to; whatever goes wrong is logged."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + INTERVAL_SECONDS
        try:
            for each in self._service.node_certificates.renew_ahead():
                if not each.is_good:
                    LOG.warning(
                        'certificate of %s: %s, %s',
                        each.host,
                        each.outcome,
                        each.detail,
                    )
        except Exception:
            # Whatever it was, the next round may well succeed.
            LOG.exception('renewal of certificates failed')
