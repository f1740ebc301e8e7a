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

"""Errors of the configuration (8xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError


class InvalidConfiguration(GlusterHeketiError):
    """An option has a value that can't be used."""

    code = 'MGH-800'
    template = 'option {option} = {value!r}: {reason}.'
    action = 'Correct the option in the configuration file.'
    manila = 'BadConfigurationException'
