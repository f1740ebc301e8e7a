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

"""Errors of what is asked for: it is wrong (1xx), or has no place (2xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError


class InvalidInput(GlusterHeketiError):
    """A value that the caller gave can't be used."""

    code = 'MGH-100'
    template = '{field}: {value!r} is not valid: {reason}.'
    action = 'Correct the value and try again; nothing was changed.'
    http_status = 400


class InvalidTopology(InvalidInput):
    """The topology document is not one."""

    code = 'MGH-101'
    template = 'topology {source}, at {field}: {value!r}: {reason}.'
    action = 'Correct the document and load it again; nothing was changed.'


class InvalidAccess(InvalidInput):
    """An access rule that GlusterFS can't enforce safely."""

    code = 'MGH-102'
    template = 'access {field}: {value!r} is not valid: {reason}.'
    action = 'Ask for type cert, level rw and a plain common name.'
    manila = 'InvalidShareAccess'


class AccessListFull(InvalidAccess):
    """The list of allowed names would be longer than glusterd bears."""

    code = 'MGH-103'
    template = (
        'volume {volume}: {field} {value!r} would make auth.ssl-allow '
        '{length} bytes long; glusterd crashes beyond {limit}.'
    )
    action = 'Remove other access rules of this share first.'
    http_status = 409


class InvalidExport(InvalidInput):
    """What should be imported is not what was exported."""

    code = 'MGH-104'
    template = 'export {source}, line {line}: {reason}.'
    action = 'Export the store again; nothing was imported.'


class NotFound(GlusterHeketiError):
    """No such object in the store."""

    code = 'MGH-110'
    template = 'no {kind} {identity!r} in the store.'
    action = 'List what is there with "gluster-heketi topology show".'
    http_status = 404
    manila = 'ShareResourceNotFound'


class Conflict(GlusterHeketiError):
    """The object is used, or another change is going on."""

    code = 'MGH-111'
    template = '{kind} {identity!r}: {reason}.'
    action = 'Wait for the other change, or remove what uses it.'
    http_status = 409


class UnderWay(Conflict):
    """Another process changes the same thing at this moment.

    Whoever waits for it asks again; see ``operations.patience``.
    """

    code = 'MGH-113'
    action = 'Try again when the other change is done; nothing was changed.'


class ShrinkWouldLoseData(GlusterHeketiError):
    """The share holds more than the size asked for."""

    code = 'MGH-112'
    template = (
        'volume {volume} holds {used_bytes} bytes, more than the '
        '{wanted_bytes} bytes it should shrink to.'
    )
    action = 'Delete data in the share first; nothing was changed.'
    http_status = 409
    manila = 'ShareShrinkingPossibleDataLoss'


class MountsWouldBreak(GlusterHeketiError):
    """Each client would lose what it has mounted, and nobody agreed to it."""

    code = 'MGH-114'
    template = (
        'cluster {cluster} has {volumes} volumes: to switch management '
        'encryption {wanted} ends every mount of them for good.'
    )
    action = (
        'Give --interrupt-mounts when all clients may be stopped and can '
        'mount anew; nothing was changed.'
    )
    http_status = 409


class NoSpace(GlusterHeketiError):
    """No placement meets the constraints; ``explanation`` says why."""

    code = 'MGH-200'
    template = 'no placement for {wanted}: {explanation}.'
    action = 'Add what the explanation names, or ask for less.'
    http_status = 507


class StrategyAtFault(GlusterHeketiError):
    """A strategy chose places that break a constraint."""

    code = 'MGH-201'
    template = 'strategy {strategy}: {reason}.'
    action = (
        'Tell who made the strategy; until then choose another with '
        'gluster_heketi_allocator_strategy. Nothing was placed.'
    )
