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
keyword fields; the text is formatted in ``base`` alone. Each module has one or
two hundreds of the codes.
"""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError
from manila_gluster_heketi.exceptions.configuration import InvalidConfiguration
from manila_gluster_heketi.exceptions.hosts import CertificateNotServed
from manila_gluster_heketi.exceptions.hosts import CommandFailed
from manila_gluster_heketi.exceptions.hosts import CommandFenced
from manila_gluster_heketi.exceptions.hosts import CommandStillRuns
from manila_gluster_heketi.exceptions.hosts import CommandTimedOut
from manila_gluster_heketi.exceptions.hosts import ConnectionLost
from manila_gluster_heketi.exceptions.hosts import DeviceUnfit
from manila_gluster_heketi.exceptions.hosts import DiskFull
from manila_gluster_heketi.exceptions.hosts import DiskReadOnly
from manila_gluster_heketi.exceptions.hosts import FenceFailed
from manila_gluster_heketi.exceptions.hosts import GlusterBusy
from manila_gluster_heketi.exceptions.hosts import GlusterdDown
from manila_gluster_heketi.exceptions.hosts import GlusterError
from manila_gluster_heketi.exceptions.hosts import HostError
from manila_gluster_heketi.exceptions.hosts import HostKeyRefused
from manila_gluster_heketi.exceptions.hosts import HostUnfit
from manila_gluster_heketi.exceptions.hosts import HostUnreachable
from manila_gluster_heketi.exceptions.hosts import LoginRefused
from manila_gluster_heketi.exceptions.hosts import NoNodeOnline
from manila_gluster_heketi.exceptions.hosts import OutputNotUnderstood
from manila_gluster_heketi.exceptions.hosts import PeerRejected
from manila_gluster_heketi.exceptions.hosts import PeersApart
from manila_gluster_heketi.exceptions.hosts import PeersDown
from manila_gluster_heketi.exceptions.hosts import PortUnreachable
from manila_gluster_heketi.exceptions.hosts import SudoRefused
from manila_gluster_heketi.exceptions.hosts import TlsNotReady
from manila_gluster_heketi.exceptions.lab import LabError
from manila_gluster_heketi.exceptions.lab import LabGuestFailed
from manila_gluster_heketi.exceptions.lab import LabManilaFailed
from manila_gluster_heketi.exceptions.lab import LabMountFailed
from manila_gluster_heketi.exceptions.lab import LabPackagesMissing
from manila_gluster_heketi.exceptions.operations import InvalidTransition
from manila_gluster_heketi.exceptions.operations import OperationFailed
from manila_gluster_heketi.exceptions.operations import OperationHeld
from manila_gluster_heketi.exceptions.operations import OperationStuck
from manila_gluster_heketi.exceptions.operations import StepBroke
from manila_gluster_heketi.exceptions.requests import AccessListFull
from manila_gluster_heketi.exceptions.requests import Conflict
from manila_gluster_heketi.exceptions.requests import InvalidAccess
from manila_gluster_heketi.exceptions.requests import InvalidExport
from manila_gluster_heketi.exceptions.requests import InvalidInput
from manila_gluster_heketi.exceptions.requests import InvalidTopology
from manila_gluster_heketi.exceptions.requests import MountsWouldBreak
from manila_gluster_heketi.exceptions.requests import NoSpace
from manila_gluster_heketi.exceptions.requests import NotFound
from manila_gluster_heketi.exceptions.requests import ShrinkWouldLoseData
from manila_gluster_heketi.exceptions.requests import StrategyAtFault
from manila_gluster_heketi.exceptions.requests import UnderWay
from manila_gluster_heketi.exceptions.store import CommitUncertain
from manila_gluster_heketi.exceptions.store import NoFileToCopy
from manila_gluster_heketi.exceptions.store import RebuildRefused
from manila_gluster_heketi.exceptions.store import StaleGeneration
from manila_gluster_heketi.exceptions.store import StoreBusy
from manila_gluster_heketi.exceptions.store import StoreError
from manila_gluster_heketi.exceptions.store import StoreInUse
from manila_gluster_heketi.exceptions.store import StoreLost
from manila_gluster_heketi.exceptions.store import StoreNotEmpty
from manila_gluster_heketi.exceptions.store import StoreTooNew
from manila_gluster_heketi.exceptions.tls import AuthorityElsewhere
from manila_gluster_heketi.exceptions.tls import AuthorityExists
from manila_gluster_heketi.exceptions.tls import BadRequest
from manila_gluster_heketi.exceptions.tls import EnrolmentFailed
from manila_gluster_heketi.exceptions.tls import EnrolmentRefused
from manila_gluster_heketi.exceptions.tls import InsecureFile
from manila_gluster_heketi.exceptions.tls import InvalidCommonName
from manila_gluster_heketi.exceptions.tls import InvalidToken
from manila_gluster_heketi.exceptions.tls import KeyManagerError
from manila_gluster_heketi.exceptions.tls import NameRevoked
from manila_gluster_heketi.exceptions.tls import NodesBehind
from manila_gluster_heketi.exceptions.tls import NoRotation
from manila_gluster_heketi.exceptions.tls import OldCertificatesHold
from manila_gluster_heketi.exceptions.tls import PassphraseError
from manila_gluster_heketi.exceptions.tls import RevokedStillHolds
from manila_gluster_heketi.exceptions.tls import TlsError
from manila_gluster_heketi.exceptions.tls import TokenRefused
from manila_gluster_heketi.exceptions.tls import TooManyRequests

__all__ = [
    'AccessListFull',
    'AuthorityElsewhere',
    'AuthorityExists',
    'BadRequest',
    'CertificateNotServed',
    'CommandFailed',
    'CommandFenced',
    'CommandStillRuns',
    'CommandTimedOut',
    'CommitUncertain',
    'Conflict',
    'ConnectionLost',
    'DeviceUnfit',
    'DiskFull',
    'DiskReadOnly',
    'EnrolmentFailed',
    'EnrolmentRefused',
    'FenceFailed',
    'GlusterBusy',
    'GlusterError',
    'GlusterdDown',
    'GlusterHeketiError',
    'HostError',
    'HostKeyRefused',
    'HostUnfit',
    'HostUnreachable',
    'InsecureFile',
    'InvalidAccess',
    'InvalidCommonName',
    'InvalidConfiguration',
    'InvalidExport',
    'InvalidInput',
    'InvalidToken',
    'InvalidTopology',
    'InvalidTransition',
    'KeyManagerError',
    'LabError',
    'LabGuestFailed',
    'LabManilaFailed',
    'LabMountFailed',
    'LabPackagesMissing',
    'LoginRefused',
    'MountsWouldBreak',
    'NameRevoked',
    'NoFileToCopy',
    'NoNodeOnline',
    'NoRotation',
    'NoSpace',
    'NodesBehind',
    'NotFound',
    'OldCertificatesHold',
    'OperationFailed',
    'OperationHeld',
    'OperationStuck',
    'OutputNotUnderstood',
    'PassphraseError',
    'PeerRejected',
    'PeersApart',
    'PeersDown',
    'PortUnreachable',
    'RebuildRefused',
    'RevokedStillHolds',
    'ShrinkWouldLoseData',
    'StaleGeneration',
    'StepBroke',
    'StoreBusy',
    'StoreError',
    'StoreInUse',
    'StoreLost',
    'StoreNotEmpty',
    'StoreTooNew',
    'StrategyAtFault',
    'SudoRefused',
    'TlsError',
    'TlsNotReady',
    'TokenRefused',
    'TooManyRequests',
    'UnderWay',
]
