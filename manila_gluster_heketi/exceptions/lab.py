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

"""Errors of the lab (9xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError


class LabError(GlusterHeketiError):
    """The lab can't do what was asked."""

    code = 'MGH-900'
    template = 'lab {lab}: {reason}.'
    action = 'See "gluster-heketi lab status" and the guests\' console.log.'


class LabPackagesMissing(LabError):
    """Debian packages that the lab needs are not installed."""

    code = 'MGH-901'
    template = 'lab {lab}: missing on this host: {missing}.'
    action = 'Run tools/lab-packages as root.'


class LabGuestFailed(LabError):
    """A guest did not come up, or died."""

    code = 'MGH-902'
    template = 'lab {lab}, node {node}: {reason}; console: {console}.'


class LabManilaFailed(LabError):
    """The all-in-one Manila did not come up, or died."""

    code = 'MGH-903'
    template = 'all-in-one Manila in {directory}: {reason}; log: {log}.'
    action = 'Read manila.log in that directory.'


class LabMountFailed(LabError):
    """A tenant's client could not mount a volume."""

    code = 'MGH-904'
    template = 'lab {lab}: mounting {export}: {reason}; it logged: {log}.'
    action = 'See whether the certificate is in the access list.'
