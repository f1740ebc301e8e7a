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

"""Tests of manila-gluster-heketi; tests/base.py is where to start."""

import os

import hypothesis

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile(
    'repeatable',
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# Other examples each time, to look for what nobody has seen yet.
hypothesis.settings.register_profile(
    'explore',
    hypothesis.settings.get_profile('repeatable'),
    derandomize=False,
)
hypothesis.settings.load_profile(
    os.environ.get('GLUSTER_HEKETI_EXAMPLES', 'repeatable')
)
