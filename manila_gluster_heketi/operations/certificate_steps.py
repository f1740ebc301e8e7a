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
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.operations import presented
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import reading

# Seconds to wait for a refusal that another connection would have shown.
_AT_ONCE = 0.01


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
            return _unverified(door)
        self._verify(site, door, bundle)
        return _verified(door)

    def undo(self, site: Site) -> None:
        """Put the old files back, each in one step."""
        _restore(site, self.host, self.directory)

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
        # OpenSSL prints the first certificate of a file.
        first = reading.certificates(bundle.certificate_pem)[:1]
        if reading.certificates(read.stdout) != first:
            raise _not_served(
                self.host, 'its OpenSSL reads another certificate'
            )
        permission = tls_files.parse_permission(self.host, mode.stdout)
        if not permission.is_secret:
            raise _not_served(self.host, f'the key has mode {permission}')

    def _verify(
        self, site: Site, door: presented.Door, bundle: issue.Bundle
    ) -> None:
        try:
            found = presented.shake(site, door, self.cluster_id)
            authority = site.authority()
            if authority.link is not None:
                # As those see it who know only the authority before.
                presented.shake(
                    site,
                    door,
                    self.cluster_id,
                    settle=_AT_ONCE,
                    trust_pem=''.join(map(encoding.pem, authority.beside)),
                )
        except exceptions.HostError as error:
            raise _not_served(self.host, error.what) from error
        if found.serial != bundle.record.serial:
            raise _not_served(
                self.host,
                f'port {door.port} presents serial {found.serial} in place '
                f'of {bundle.record.serial}',
            )


@step.persisted
@dataclasses.dataclass(frozen=True)
class ReplaceTrust(step.Step):
    """Other authorities, whose certificates bricks must be seen to take.

    Key and certificate stay as they are, and as for them nothing is
    restarted.

    :ivar address: what clients connect to
    :ivar volumes: names of volumes that have bricks there
    """

    kind: ClassVar[str] = 'replace-trust'
    cluster_id: str
    directory: str
    address: str
    volumes: tuple[str, ...]

    def do(self, site: Site) -> Found:
        """Write them and verify; say how that was verified.

        :raises CertificateNotServed: certificates of one are not taken
        """
        door = presented.find_door(
            site, self.host, self.address, self.cluster_id, self.volumes
        )
        authority = site.authority()
        _, _, path = distribute.paths(self.directory)
        text = authority.node_trust_pem
        _, read = site.run(
            self.host,
            [
                system.write_file(path, text, keystore.PUBLIC_MODE),
                system.read_file(path),
            ],
        )
        if read.stdout.strip() != text.strip():
            raise _not_served(self.host, f'it reads another {path}')
        if door.obstacle:
            return _unverified(door)
        successor = authority.successor
        for signer in (authority, *((successor,) if successor else ())):
            try:
                presented.shake(site, door, self.cluster_id, signer=signer)
            except exceptions.HostError as error:
                raise _not_served(self.host, error.what) from error
        return _verified(door)

    def undo(self, site: Site) -> None:
        """Put the old files back, each in one step."""
        _restore(site, self.host, self.directory)


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
        return now_there(site, read.stdout, self.node_id)

    def undo(self, site: Site) -> None:
        """Nothing: the operation only goes forward from here."""


def now_there(site: Site, text: str, node_id: str) -> Found:
    """Say what the store keeps of the certificate that a node has.

    :param text: what is in its file
    """
    found = reading.certificates(text)
    if not found:
        return NOTHING
    issuer = next(
        (
            reading.fingerprint(each)
            for each in site.authority().known
            if reading.is_issued_by(found[0], each)
        ),
        '',
    )
    record = reading.record_of_node(found[0], node_id)
    return {'certificate': dataclasses.replace(record, issuer=issuer)}


def _files(directory: str) -> tuple[str, ...]:
    return tuple(map(posixpath.basename, distribute.paths(directory)))


def _restore(site: Site, host: str, directory: str) -> None:
    site.run(host, [tls_files.restore(directory, _files(directory))])


def _verified(door: presented.Door) -> Found:
    return {'verified': f'handshake on port {door.port}'}


def _unverified(door: presented.Door) -> Found:
    return {
        'verified': f'not verified: {door.obstacle}; the host reads the new '
        'files'
    }


def _not_served(host: str, reason: str) -> exceptions.CertificateNotServed:
    return exceptions.CertificateNotServed(host=host, reason=reason)
