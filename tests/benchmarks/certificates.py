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

"""How fast certificates are made: ``python -m tests.benchmarks.certificates``.

One thread, so the rate is that of one core.
"""

import tempfile
import time

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue

SECONDS = 2.0


def main() -> None:
    """Issue certificates of both kinds and print the rates."""
    with tempfile.TemporaryDirectory() as directory:
        authority = ca.Authority.load_or_create(directory)
    cluster = model.new_id()
    for kind, make in (
        ('node', lambda: issue.issue_node(authority, cluster)),
        ('client', lambda: issue.issue_client(authority, 'alice')),
    ):
        count = 0
        start = time.perf_counter()
        while (taken := time.perf_counter() - start) < SECONDS:
            make()
            count += 1
        print(f'{kind:<8} {count / taken:8.0f} certificates/s on one core')


if __name__ == '__main__':
    main()
