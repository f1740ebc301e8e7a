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

"""Batches on several hosts at once."""

import concurrent.futures
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.hostcmd import command

Outcome = tuple[base.Result, ...] | exceptions.HostError

# Above this a controller would rather run out of file descriptors than win.
MAX_PARALLEL = 64


def run_on_hosts(
    executor: base.Executor,
    batches: Mapping[str, Sequence[command.Command]],
) -> dict[str, Outcome]:
    """Run each host's batch, all hosts at once; wait for every one of them.

    An error of one host is its outcome and does not disturb the others.
    """

    def attempt(host: str) -> Outcome:
        try:
            return executor.run_batch(host, batches[host])
        except exceptions.HostError as error:
            return error

    hosts = list(batches)
    if len(hosts) <= 1:
        return {host: attempt(host) for host in hosts}
    workers = min(len(hosts), MAX_PARALLEL)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return dict(zip(hosts, pool.map(attempt, hosts), strict=True))
