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

"""Steps that give a node a new certificate, or leave it the old one."""

import dataclasses
import posixpath
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.operations import presented
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import reading


@step.persisted
@dataclasses.dataclass(frozen=True)
class KeepCertificate(step.Step):
    """The old key, certificate and authorities, beside the new ones."""

    kind: ClassVar[str] = 'keep-certificate'
    directory: str

    def do(self, site: Site) -> Found:
        """Keep them; it is done before the next step may begin."""
        site.run(
            self.host, [tls_files.keep(self.directory, _files(self.directory))]
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Remove what was kept; by then the old files are back."""
        site.run(self.host, [tls_files.discard(self.directory)])


@step.persisted
@dataclasses.dataclass(frozen=True)
class ReplaceCertificate(step.Step):
    """A new key and certificate, which the node must be seen to use.

    GlusterFS reads the files anew for each connection, so nothing is
    restarted and no connection breaks.

    :ivar address: what clients connect to
    :ivar volumes: names of volumes that have bricks there
    """

    kind: ClassVar[str] = 'replace-certificate'
    cluster_id: str
    directory: str
    address: str
    volumes: tuple[str, ...]

    def do(self, site: Site) -> Found:
        """Issue, deploy and verify; say how that was verified.

        A port that was in reach before has to be so afterwards.

        :raises CertificateNotServed: the node goes on with another one
        """
        door = presented.find_door(
            site, self.host, self.address, self.cluster_id, self.volumes
        )
        bundle = issue.issue_node(
            site.authority(),
            self.cluster_id,
            days=site.node_certificate_days,
            asked_by=model.OpKind.NODE_CERTIFICATE.value,
        )
        self._deploy(site, bundle)
        if door.obstacle:
            return {
                'verified': f'not verified: {door.obstacle}; the host reads '
                'the new files'
            }
        self._verify(site, door, bundle)
        return {'verified': f'handshake on port {door.port}'}

    def undo(self, site: Site) -> None:
        """Put the old files back, each in one step."""
        site.run(
            self.host,
            [tls_files.restore(self.directory, _files(self.directory))],
        )

    def _deploy(self, site: Site, bundle: issue.Bundle) -> None:
        """Write the files, and have the host say what it reads in them."""
        key, certificate, _ = distribute.paths(self.directory)
        *_, read, mode = site.run(
            self.host,
            [
                *distribute.deploy_commands(bundle, self.directory),
                tls_files.certificate(certificate),
                tls_files.permission(key),
            ],
        )
        if read.stdout.strip() != bundle.certificate_pem.strip():
            raise self._not_served('its OpenSSL reads another certificate')
        permission = tls_files.parse_permission(self.host, mode.stdout)
        if not permission.is_secret:
            raise self._not_served(f'the key has mode {permission}')

    def _verify(
        self, site: Site, door: presented.Door, bundle: issue.Bundle
    ) -> None:
        try:
            found = presented.shake(site, door, self.cluster_id)
        except exceptions.HostError as error:
            raise self._not_served(error.what) from error
        if found.serial != bundle.record.serial:
            raise self._not_served(
                f'port {door.port} presents serial {found.serial} in place '
                f'of {bundle.record.serial}'
            )

    def _not_served(self, reason: str) -> exceptions.CertificateNotServed:
        return exceptions.CertificateNotServed(host=self.host, reason=reason)


@step.persisted
@dataclasses.dataclass(frozen=True)
class RetireCertificate(step.Step):
    """The end of the old files; from here on there is no way back.

    :ivar node_id: whose certificate it is
    """

    kind: ClassVar[str] = 'retire-certificate'
    node_id: str
    directory: str

    def do(self, site: Site) -> Found:
        """Remove the old files; say which certificate the node has now.

        It is read from the host: who goes on after a crash knows it so.
        """
        _, certificate, _ = distribute.paths(self.directory)
        read, _ = site.run(
            self.host,
            [
                tls_files.certificate(certificate),
                tls_files.discard(self.directory),
            ],
        )
        found = reading.certificates(read.stdout)
        if not found:
            return NOTHING
        return {'certificate': reading.record_of_node(found[0], self.node_id)}

    def undo(self, site: Site) -> None:
        """Nothing: the operation only goes forward from here."""


def _files(directory: str) -> tuple[str, ...]:
    return tuple(map(posixpath.basename, distribute.paths(directory)))
