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

"""Errors of the certificate authority (6xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError
from manila_gluster_heketi.exceptions.requests import Conflict
from manila_gluster_heketi.exceptions.requests import InvalidInput


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


class PassphraseError(TlsError):
    """The key of the authority is encrypted, and can't be opened."""

    code = 'MGH-610'
    template = 'key of the certificate authority at {path}: {reason}.'
    action = (
        'Set gluster_heketi_ca_passphrase_file or '
        'gluster_heketi_ca_passphrase_secret to its passphrase.'
    )


class KeyManagerError(TlsError):
    """The key manager does not give us the passphrase."""

    code = 'MGH-611'
    template = 'secret {secret!r} of the key manager: {reason}.'
    action = (
        'Look at the sections key_manager and barbican of the configuration, '
        'and at who may read the secret.'
    )


class AuthorityExists(TlsError):
    """An authority is to be put where there is one."""

    code = 'MGH-612'
    template = 'certificate authority at {path}: there is one already.'
    action = 'Keep it: nodes and clients trust no other.'
    http_status = 409


class InvalidToken(InvalidInput):
    """Something else than a token of this authority.

    It says no more: who has no token learns nothing by trying.
    """

    code = 'MGH-620'
    template = 'enrolment token: it is none of this authority.'
    action = 'Copy the access key of the access rule again, all of it.'
    http_status = 403


class TokenRefused(InvalidInput):
    """A token of ours that can't be used, or not for this."""

    code = 'MGH-621'
    template = 'enrolment token for {common_name!r} on {share_id}: {reason}.'
    action = (
        'For another token delete the access rule and add it again; nothing '
        'was issued.'
    )
    http_status = 403


class EnrolmentFailed(TlsError):
    """The endpoint for enrolment gave no certificate that can be used."""

    code = 'MGH-622'
    template = 'enrolment at {url}: {reason}.'
    action = 'Correct what the text names and run the same command again.'


class BadRequest(InvalidInput):
    """A request to the endpoint for enrolment that it does not know."""

    code = 'MGH-623'
    template = 'request: {reason}.'
    action = 'Use "gluster-heketi enroll".'


class EnrolmentRefused(InvalidInput):
    """The endpoint for enrolment said no, for a reason of its own."""

    code = 'MGH-625'
    template = 'enrolment at {url} was refused: {said}'
    action = 'Nothing was installed.'
    http_status = 403


class TooManyRequests(GlusterHeketiError):
    """A client whose requests were refused again and again."""

    code = 'MGH-624'
    template = 'too many requests from {address} were refused.'
    action = 'Wait a minute.'
    http_status = 429


class NameRevoked(InvalidInput):
    """A common name that must have access to nothing any more."""

    code = 'MGH-613'
    template = 'common name {value!r} was revoked {since}: {reason}.'
    action = (
        'Use another name; nothing was changed. The ban is lifted with '
        '"gluster-heketi cert unrevoke".'
    )
    http_status = 403
    manila = 'InvalidShareAccess'


class RevokedStillHolds(Conflict):
    """A name whose revoked certificates would open shares again."""

    code = 'MGH-614'
    template = (
        '{kind} {identity!r}: certificate {serial} of it was revoked but '
        'holds until {until}; Gluster knows no revoked certificates, so that '
        'whoever has it could mount again: {count} such.'
    )
    action = (
        'Wait until then, give the client another name, or use --force; '
        'nothing was changed.'
    )


class OldCertificatesHold(Conflict):
    """Clients would be locked out by the next phase of a rotation."""

    code = 'MGH-630'
    template = (
        '{kind} {identity}: {reason}; certificates of {count} clients are '
        'concerned, the last until {until}: {names}.'
    )
    action = (
        'Issue them new ones with "gluster-heketi cert issue", wait until '
        'then, or use --force; what was done so far stands, and '
        '"gluster-heketi ca rotate" goes on from there.'
    )


class AuthorityElsewhere(TlsError):
    """The authority that signs now is not kept where we look."""

    code = 'MGH-631'
    template = (
        'certificate authority at {path}: the one that signs now has the '
        'fingerprint {fingerprint}, and is not there.'
    )
    action = (
        'Copy the directory of the authority from the host on which '
        '"gluster-heketi ca rotate" ran; nothing was signed.'
    )
    http_status = 409


class NodesBehind(Conflict):
    """A phase of a rotation is not through on all nodes."""

    code = 'MGH-632'
    template = '{kind} {identity}: phase {phase} is not through: {reason}.'
    action = (
        'Mend or remove these nodes, then have "gluster-heketi ca rotate" go '
        'on; all nodes and clients accept each other meanwhile.'
    )


class NoRotation(Conflict):
    """A rotation is to be changed that is not there, or can't be."""

    code = 'MGH-633'
    template = '{kind}: {reason}.'
    action = 'See "gluster-heketi ca rotate --status"; nothing was changed.'
