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

"""Authorities in memory, for tests of what they issue."""

import functools
import tempfile

from manila_gluster_heketi.tls import ca


@functools.cache
def authority(name: str = 'ours') -> ca.Authority:
    """Make an authority; the same name gives the same one."""
    with tempfile.TemporaryDirectory(prefix=name) as directory:
        return ca.Authority.load_or_create(directory)
