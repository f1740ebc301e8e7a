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

"""The one error taxonomy.

Every error has a stable code that is never changed or reused, says what
happened with the fields it was raised with, and what to do next. Raise with
keyword fields; the text is formatted here alone.
"""

from typing import Any
from typing import ClassVar


class GlusterHeketiError(Exception):
    """Base of all errors of this project.

    :cvar code: stable code, ``MGH-`` and three digits
    :cvar template: what happened; names the fields it needs
    :cvar action: what the reader should do next
    :cvar http_status: status for the REST interface
    :cvar manila: name of the exception of ``manila.exception`` that the
        driver raises in its place
    """

    code: ClassVar[str] = 'MGH-000'
    template: ClassVar[str] = 'internal error: {reason}'
    action: ClassVar[str] = 'Report this with the log around it.'
    http_status: ClassVar[int] = 500
    manila: ClassVar[str] = 'ShareBackendException'

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        self.what = self.template.format(**fields)
        super().__init__(self.what)

    def __str__(self) -> str:
        return f'[{self.code}] {self.what} {self.action}'

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.fields))


def _rebuild(
    kind: type[GlusterHeketiError], fields: dict[str, Any]
) -> GlusterHeketiError:
    return kind(**fields)


# --- 1xx: what the caller gave us -----------------------------------------


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


# --- 2xx: placement -------------------------------------------------------


class NoSpace(GlusterHeketiError):
    """No placement meets the constraints; ``explanation`` says why."""

    code = 'MGH-200'
    template = 'no placement for {wanted}: {explanation}.'
    action = 'Add what the explanation names, or ask for less.'
    http_status = 507


# --- 3xx: hosts and their commands ----------------------------------------


class HostError(GlusterHeketiError):
    """Something went wrong on, or on the way to, a host."""

    code = 'MGH-300'
    template = 'host {host}: {reason}.'
    action = 'Look at the host.'


class HostUnreachable(HostError):
    """No SSH connection; no command was started by this attempt."""

    code = 'MGH-301'
    template = 'host {host} can not be reached over SSH: {reason}.'
    action = 'Check that the host is up, its network and its sshd.'
    http_status = 502


class HostKeyRefused(HostUnreachable):
    """The host shows another key than the one on record."""

    code = 'MGH-302'
    template = 'host {host} does not show the host key on record: {reason}.'
    action = (
        'If the host was reinstalled, remove its old key from the '
        'known_hosts file; if not, somebody may be in between.'
    )


class LoginRefused(HostUnreachable):
    """sshd let us not in."""

    code = 'MGH-303'
    template = 'host {host} refuses our SSH key for user {user}: {reason}.'
    action = "Put our public key into that user's authorized_keys."


class SudoRefused(HostError):
    """The user may not become root."""

    code = 'MGH-304'
    template = 'host {host}: sudo refuses user {user}: {reason}.'
    action = 'Allow that user passwordless sudo for /bin/sh.'


class ConnectionLost(HostError):
    """The connection broke while commands ran: their fate is unknown."""

    code = 'MGH-305'
    template = 'host {host}: connection lost during {command!r}: {reason}.'
    action = 'The operation undoes or finishes itself when the host is back.'
    http_status = 502


class CommandTimedOut(HostError):
    """A command took longer than its limit; it may still be running."""

    code = 'MGH-306'
    template = 'host {host}: no answer to {command!r} in {seconds} s.'
    action = 'Look what the command waits for on the host.'
    http_status = 504


class CommandFailed(HostError):
    """A command ended with a non-zero exit status."""

    code = 'MGH-307'
    template = (
        'host {host}: {command!r} ended with exit status {status}: {stderr}.'
    )
    action = 'The text after the status is what the command said.'


class HostUnfit(HostError):
    """The host lacks something a storage node needs."""

    code = 'MGH-308'
    template = 'host {host} is not fit to be a node: {reason}.'
    action = 'Install or start what is missing and try again.'
    http_status = 400


class DeviceUnfit(HostError):
    """The device can't be taken; it was not changed."""

    code = 'MGH-309'
    template = 'host {host}, device {device}: {reason}.'
    action = 'Name another device, or see "destroydata" in the manual.'
    http_status = 400


class OutputNotUnderstood(HostError):
    """A command answered in a form that we can't parse."""

    code = 'MGH-310'
    template = 'host {host}: {command!r} answered {output!r}: {reason}.'
    action = 'Check the version of the program on that host.'


# --- 4xx: gluster ---------------------------------------------------------


class GlusterError(HostError):
    """A gluster command was refused."""

    code = 'MGH-400'
    template = 'host {host}: gluster refused {command!r}: {stderr}.'
    action = "The text is gluster's; see also glusterd.log on that host."


class GlusterBusy(GlusterError):
    """Another transaction holds Gluster's lock; tried again in vain."""

    code = 'MGH-401'
    template = (
        'host {host}: another transaction holds the lock for '
        '{command!r}: {stderr}.'
    )
    action = 'Try again; if it stays, restart glusterd on the peer named.'
    http_status = 503


class PeersDown(GlusterError):
    """Gluster refuses while any peer of the cluster is down."""

    code = 'MGH-402'
    template = 'host {host}: {command!r} needs every peer up: {stderr}.'
    action = 'It is finished by itself when the peer is back.'
    http_status = 503


class NoNodeOnline(GlusterError):
    """No node of the cluster answers."""

    code = 'MGH-403'
    template = 'cluster {cluster}: no node answers: {reason}.'
    action = 'Check the nodes and the network to them.'
    http_status = 503


# --- 5xx: store -----------------------------------------------------------


class StoreError(GlusterHeketiError):
    """The database did not do what was asked."""

    code = 'MGH-500'
    template = 'store {url}: {reason}.'
    action = 'Check the database and the permission to write it.'
    http_status = 503


class StoreTooNew(StoreError):
    """A newer release wrote this database."""

    code = 'MGH-501'
    template = 'store {url} has schema {found!r}, unknown to this release.'
    action = 'Use the release that wrote it, or a newer one.'


class StaleGeneration(StoreError):
    """The cluster changed between reading and writing; retried in vain."""

    code = 'MGH-502'
    template = 'cluster {cluster} was changed by others {attempts} times.'
    action = 'Try again.'
    http_status = 409


# --- 6xx: TLS -------------------------------------------------------------


class TlsError(GlusterHeketiError):
    """The certificate authority can't do what was asked."""

    code = 'MGH-600'
    template = 'certificate authority at {path}: {reason}.'
    action = 'Correct what the text names.'


class InvalidCommonName(InvalidInput):
    """A common name that would not be one name in auth.ssl-allow."""

    code = 'MGH-601'
    template = 'common name {field}: {value!r} is not valid: {reason}.'
    action = 'Use 1 to 64 letters, digits, dots, dashes, underscores or @.'
    manila = 'InvalidShareAccess'


class InsecureFile(TlsError):
    """A secret file is missing or readable by others."""

    code = 'MGH-602'
    template = 'file {path}: {reason}.'
    action = 'Create it, owned by the service user, with mode 0600.'


# --- 7xx: operations ------------------------------------------------------


class OperationFailed(GlusterHeketiError):
    """An operation failed and was undone."""

    code = 'MGH-700'
    template = '{kind} of {subject} failed and was undone: {reason}'
    action = 'Nothing was left behind.'


class OperationStuck(OperationFailed):
    """An operation failed and could not be undone everywhere yet."""

    code = 'MGH-701'
    template = (
        '{kind} of {subject} failed: {reason} Undoing it is not complete '
        '(operation {operation}): {undo_reason}'
    )
    action = 'The rest is undone when the host answers again.'


class InvalidTransition(GlusterHeketiError):
    """A state change that the table of transitions does not allow."""

    code = 'MGH-702'
    template = '{kind} {identity}: no way from {state} to {wanted}.'
    action = 'Report this; the object was not changed.'


# --- 8xx: configuration ---------------------------------------------------


class InvalidConfiguration(GlusterHeketiError):
    """An option has a value that can't be used."""

    code = 'MGH-800'
    template = 'option {option} = {value!r}: {reason}.'
    action = 'Correct the option in the configuration file.'
    manila = 'BadConfigurationException'


# --- 9xx: the lab ---------------------------------------------------------


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
