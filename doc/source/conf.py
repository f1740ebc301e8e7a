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

"""How the documentation is built."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / '_ext'))

project = 'manila-gluster-heketi'
copyright = 'manila-gluster-heketi contributors'  # noqa: A001

extensions = [
    'cliff.sphinxext',
    'error_reference',
    'finding_reference',
    'openstackdocstheme',
    'oslo_config.sphinxext',
]
# Of this repository alone: nothing here comes from the network.
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False

html_theme = 'openstackdocs'
pygments_style = 'native'
nitpicky = True

autoprogram_cliff_application = 'gluster-heketi'
