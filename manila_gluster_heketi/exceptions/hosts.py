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

"""Errors of hosts and their commands (3xx), and of Gluster there (4xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError


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


class CommandFenced(HostError):
    """A command came after its operation had gone on elsewhere."""

    code = 'MGH-311'
    template = (
        'host {host}: {command!r} came too late, the operation has gone on '
        'without it.'
    )
    action = 'Nothing: whoever has the operation now brings it to an end.'
    http_status = 409


class CommandStillRuns(HostError):
    """What was given up earlier has not ended; nothing may run beside it."""

    code = 'MGH-312'
    template = (
        'host {host}: what was begun earlier for the same operation still '
        'runs after {seconds} s; {command!r} was not begun.'
    )
    action = (
        'Look on the host what it waits for; the operation goes on by '
        'itself once that has ended.'
    )
    http_status = 503


class DiskFull(CommandFailed):
    """A command found no room on a disk, in a pool or in a group."""

    code = 'MGH-313'
    template = (
        'host {host}: no room for {command!r}, which ended with exit status '
        '{status}: {stderr}.'
    )
    action = 'Make room there, or set the node or device offline meanwhile.'
    http_status = 507


class DiskReadOnly(CommandFailed):
    """A command found a file system that can't be written to any more."""

    code = 'MGH-314'
    template = (
        'host {host}: {command!r} met a read-only file system and ended with '
        'exit status {status}: {stderr}.'
    )
    action = (
        'Look for errors of the disk in the kernel log, and set the node or '
        'device offline until it is mended.'
    )


class CertificateNotServed(HostError):
    """A node does not present the certificate that it was just given."""

    code = 'MGH-315'
    template = 'host {host} does not serve its new certificate: {reason}.'
    action = (
        'Its old certificate is back. Look at the clock and the disk of that '
        'host, and what "gluster-heketi tls status" says of it.'
    )


class PortUnreachable(HostError):
    """No TCP connection to a brick: nothing is known of its certificate."""

    code = 'MGH-316'
    template = 'host {host}: no connection: {reason}.'
    action = 'Let the controller through to the ports of bricks.'
    http_status = 502


class GlusterdDown(HostError):
    """glusterd does not run; nothing was asked of it."""

    code = 'MGH-317'
    template = 'host {host}: glusterd does not run there.'
    action = 'Start it, and look at its log for why it ended.'
    http_status = 502


class TlsNotReady(HostError):
    """With TLS alone the node would be cut off from its peers."""

    code = 'MGH-318'
    template = 'host {host} could not speak TLS with its peers: {reason}.'
    action = (
        'See "gluster-heketi tls status"; "gluster-heketi tls renew --all '
        '--node" with its name gives it a new certificate.'
    )
    http_status = 409


class FenceFailed(HostError):
    """Nothing was begun: the host can't note for whom it would be."""

    code = 'MGH-319'
    template = (
        'host {host}: {command!r} was not begun, since nothing can be '
        'written to {directory}: {reason}.'
    )
    action = (
        'Look there with "df" and "findmnt -T": make room, or have it '
        'mounted for writing. What is left to do is done by itself then.'
    )
    http_status = 503


class GlusterError(HostError):
    """A gluster command was refused."""

    code = 'MGH-400'
    template = 'host {host}: gluster refused {command!r}: {stderr}.'
    action = "The text is gluster's; see also glusterd.log on that host."


class GlusterBusy(GlusterError):
    """Another transaction holds Gluster's lock, or one of its daemons ends.

    It was tried again in vain.
    """

    code = 'MGH-401'
    template = 'host {host}: Gluster is too busy for {command!r}: {stderr}.'
    action = 'Try again; if it stays, restart glusterd on the peer named.'
    http_status = 503


class PeersDown(GlusterError):
    """Gluster refuses while any peer of the cluster is down."""

    code = 'MGH-402'
    template = 'host {host}: {command!r} needs every peer up: {stderr}.'
    action = 'It is finished by itself when the peer is back.'
    http_status = 503


class PeerRejected(GlusterError):
    """A peer knows another volume differently, and takes part in nothing."""

    code = 'MGH-404'
    template = (
        'host {host}: its peers reject it for what it knows of other volumes, '
        'and {command!r} needs every peer.'
    )
    action = (
        'Compare "gluster volume info" there and elsewhere, keep the record '
        'that is right, and restart glusterd there; the rest is finished by '
        'itself.'
    )
    http_status = 503


class PeersApart(GlusterError):
    """Nodes of a cluster are not all connected to each other."""

    code = 'MGH-405'
    template = 'host {host} is not connected to its peers: {missing}.'
    action = (
        'See that glusterd runs there and on those peers, that they reach '
        'each other, and that "gluster-heketi check" is content.'
    )
    http_status = 503


class NoNodeOnline(GlusterError):
    """No node of the cluster answers."""

    code = 'MGH-403'
    template = 'cluster {cluster}: no node answers: {reason}.'
    action = 'Check the nodes and the network to them.'
    http_status = 503
