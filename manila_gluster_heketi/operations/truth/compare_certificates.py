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


"""Certificates of nodes: whether glusterfs there can speak TLS, and how long.

A private key stays where it is; its public part tells whether it fits.
"""

import dataclasses
import datetime
from collections.abc import Iterator

from cryptography import x509

from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.operations.truth import mend_steps
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading


@dataclasses.dataclass(frozen=True)
class Trust:
    """The authority that nodes should have their certificates of.

    :ivar certificate: None if it can't be read
    :ivar error: why not
    :ivar above: those above it, which nodes need too to verify with it
    :ivar other: the other one of a rotation, and those above it: a node that
        has the one or the other is as it should be by then
    :ivar renewal: how long before its end a certificate is to be renewed
    """

    certificate: x509.Certificate | None
    error: str = ''
    above: tuple[x509.Certificate, ...] = ()
    other: tuple[x509.Certificate, ...] = ()
    renewal: datetime.timedelta = datetime.timedelta(days=30)


def compare(scene: Scene, trust: Trust) -> Iterator[Finding]:
    """Find what differs."""
    if trust.certificate is None:
        yield Finding(
            Code.AUTHORITY_MISSING,
            '',
            'certificate authority',
            'it can be read',
            trust.error,
        )
    for node, view in scene.nodes():
        yield from _Node(scene, node, view, trust).compare()


class _Node:
    """The comparison of one node."""

    def __init__(
        self,
        scene: Scene,
        node: model.Node,
        view: HostView,
        trust: Trust,
    ) -> None:
        self._scene = scene
        self._node = node
        self._view = view
        self._authority = trust.certificate
        self._above = trust.above
        self._other = trust.other
        self._renewal = trust.renewal

    def compare(self) -> Iterator[Finding]:
        """Find what differs."""
        if self._authority is None:
            return
        # A node without any is one that has lost them; it trusts nobody, so
        # that nobody is locked out when it trusts us.
        trusted = reading.certificates(self._view.authorities)
        missing = [
            each
            for each in (self._authority, *self._above)
            if each not in trusted
        ]
        has_other = self._other and set(self._other) <= set(trusted)
        if trusted and missing and not has_other:
            yield self._finding(
                Code.AUTHORITY_OTHER,
                ', '.join(map(reading.name_of, missing)),
                ', '.join(map(reading.name_of, trusted)),
                mend=False,
            )
            return
        reason = self._unfit(self._authority)
        if reason or not trusted:
            yield self._finding(
                Code.CERTIFICATE_BAD,
                f'a pair in {self._view.tls_directory}',
                reason or 'no authority that it trusts',
            )
            return
        findings = [*self._contents()]
        yield from findings
        serial = reading.serial_of(self._certificate)
        # One that is renewed for another reason is on record then.
        if not findings and serial not in self._scene.ledger.serials:
            yield self._unknown(serial)

    def _unfit(self, authority: x509.Certificate) -> str:
        """Say why nobody would connect to the node; '' if all is well."""
        found = reading.certificates(self._view.certificate)
        return reading.misfit(
            found[0] if found else None,
            self._view.public_key or '',
            authority,
            *self._other[:1],
        )

    @property
    def _certificate(self) -> x509.Certificate:
        return reading.certificates(self._view.certificate)[0]

    def _contents(self) -> Iterator[Finding]:
        certificate = self._certificate
        wanted = names.node_common_name(self._node.cluster_id)
        if reading.name_of(certificate) != wanted:
            yield self._finding(
                Code.CERTIFICATE_NAME, wanted, reading.name_of(certificate)
            )
        end = certificate.not_valid_after_utc
        now = policy.now()
        if end - now < self._renewal:
            code = Code.CERTIFICATE_EXPIRES
            if end <= now:
                code = Code.CERTIFICATE_EXPIRED
            yield self._finding(
                code,
                f'valid for {self._renewal.days} days',
                f'until {end:%Y-%m-%d %H:%M} UTC',
            )

        permission = self._view.key_permission
        if permission is not None and not permission.is_secret:
            yield self._finding(
                Code.CERTIFICATE_KEY_OPEN,
                'a key for root alone, mode 0600',
                f'mode {permission}',
            )

    def _unknown(self, serial: str) -> Finding:
        """Say that a repair died before its last word, or a store was lost."""
        return Finding(
            Code.CERTIFICATE_UNKNOWN,
            self._view.host,
            'certificate',
            'one on record',
            f'serial number {serial}',
            self._scene.mend_node(
                self._node,
                mend_steps.RecordCertificate(
                    host=self._view.host,
                    node_id=self._node.id,
                    directory=self._view.tls_directory,
                ),
            ),
        )

    def _finding(
        self, code: Code, expected: str, found: str, *, mend: bool = True
    ) -> Finding:
        remedy = self._scene.mend_node(
            self._node,
            mend_steps.RenewCertificate(
                host=self._view.host,
                cluster_id=self._node.cluster_id,
                directory=self._view.tls_directory,
            ),
        )
        return Finding(
            code,
            self._view.host,
            'certificate',
            expected,
            found,
            remedy if mend else None,
        )
