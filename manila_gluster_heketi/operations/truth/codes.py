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

"""What can differ between store and nodes.

Each difference has a code, never changed nor used again for another meaning.
"""

import enum

from manila_gluster_heketi.operations.truth.meanings import Meaning
from manila_gluster_heketi.operations.truth.meanings import Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


class Code(enum.Enum):
    """Every difference; those of one object are mended in this order."""

    # --- 1xx: nodes -------------------------------------------------------
    NODE_SILENT = Meaning(
        'MGH-C101',
        _ERROR,
        'The node does not answer.',
        'start it, or restore the network',
    )
    NODE_UNREADABLE = Meaning(
        'MGH-C102',
        _ERROR,
        'The node can not be looked at.',
        'see what the command failed of',
    )
    NODE_RECORD = Meaning(
        'MGH-C103',
        _WARNING,
        'The record that the node has of itself is missing or out of date.',
        'write it',
        mends=True,
    )
    NODE_NO_PEER = Meaning(
        'MGH-C104',
        _ERROR,
        'The node is not a connected peer in the trusted pool.',
        'start glusterd on it, or probe it from another node',
    )
    PEER_UNKNOWN = Meaning(
        'MGH-C105',
        _INFO,
        'A peer of the trusted pool is no node.',
        'leave it, or load it as a node',
    )
    POOL_SILENT = Meaning(
        'MGH-C106',
        _ERROR,
        'No node of the cluster tells about its volumes.',
        'start glusterd',
    )
    NODE_MISSED = Meaning(
        'MGH-C107',
        _ERROR,
        'The node missed that a volume was created or deleted.',
        'restart glusterd on it, and what exists for one node exists for all',
    )
    NODE_CLOCK = Meaning(
        'MGH-C108',
        _ERROR,
        'The clock of the node is more than 5 minutes off.',
        'set it; certificates look expired there, or not yet valid',
    )
    NODE_SECURE_ACCESS = Meaning(
        'MGH-C109',
        _ERROR,
        'Whether the glusterd of the node talks TLS is not as in its cluster.',
        'ask for "gluster-heketi cluster secure-access" as it is on record',
    )
    NODE_KNOWS_MORE = Meaning(
        'MGH-C110',
        _ERROR,
        'The record that the node has of itself says more than the store.',
        'put a newer store back, or rebuild it; or remove the file by hand',
    )
    # --- 2xx: devices -----------------------------------------------------
    DEVICE_MISSING = Meaning(
        'MGH-C201',
        _ERROR,
        'The node has no volume group of the device.',
        'see whether the disk is there; if it died, replace its bricks',
    )
    DEVICE_MARKS = Meaning(
        'MGH-C202',
        _WARNING,
        'The volume group does not bear all of its tags.',
        'add them',
        mends=True,
    )
    DEVICE_OTHER = Meaning(
        'MGH-C203',
        _ERROR,
        'The volume group is another than the one on record.',
        'find out who exchanged the disk',
    )
    POOL_MISSING = Meaning(
        'MGH-C204',
        _ERROR,
        'The volume group has no thin pool of that name.',
        'find out who removed it',
    )
    POOL_SIZE = Meaning(
        'MGH-C205',
        _WARNING,
        'The thin pool has another size.',
        'find out who changed it; bricks are placed by the size on record',
    )
    DEVICE_UNKNOWN = Meaning(
        'MGH-C206',
        _WARNING,
        'A volume group bears our tags but belongs to no device.',
        'remove it by hand if nobody misses what is on it',
    )
    # --- 3xx: bricks ------------------------------------------------------
    BRICK_MISSING = Meaning(
        'MGH-C301',
        _ERROR,
        'The logical volume of a brick is not there.',
        'replace the brick',
    )
    BRICK_MARKS = Meaning(
        'MGH-C302',
        _WARNING,
        'The logical volume does not bear all of its tags.',
        'add them',
        mends=True,
    )
    BRICK_OTHER = Meaning(
        'MGH-C303',
        _ERROR,
        'The logical volume is another than the one on record.',
        'find out who exchanged it',
    )
    BRICK_NOT_MOUNTED = Meaning(
        'MGH-C304',
        _ERROR,
        'The file system of a brick is not mounted.',
        'mount it, and start what does not run of its volume',
        mends=True,
    )
    BRICK_HIDDEN = Meaning(
        'MGH-C305',
        _ERROR,
        'Something else is mounted in the place of a brick.',
        'unmount it',
    )
    BRICK_NOT_AT_BOOT = Meaning(
        'MGH-C306',
        _WARNING,
        'The brick is not in fstab, so that it is lost at the next boot.',
        'add the line',
        mends=True,
    )
    BRICK_OTHER_AT_BOOT = Meaning(
        'MGH-C307',
        _WARNING,
        'fstab has something else mounted in the place of a brick.',
        'correct the line',
    )
    BRICK_DIRECTORY = Meaning(
        'MGH-C308',
        _ERROR,
        'The directory that Gluster has as its brick is not there.',
        'reset the brick, so that Gluster heals it',
    )
    BRICK_SMALLER = Meaning(
        'MGH-C309',
        _ERROR,
        'The brick is smaller than on record.',
        'grow it',
        mends=True,
    )
    BRICK_LARGER = Meaning(
        'MGH-C310',
        _INFO,
        'The brick is larger than on record: somebody else has grown it.',
        'leave it; the next growth uses it',
    )
    BRICK_ORPHAN = Meaning(
        'MGH-C311',
        _WARNING,
        'A logical volume is marked as a brick, but is none on record.',
        'remove it with all data on it; only with --remove-orphans, and only '
        'if no node knows a volume of it',
        mends=True,
    )
    MOUNT_STALE = Meaning(
        'MGH-C312',
        _WARNING,
        'fstab has a line for a brick that is gone.',
        'remove the line',
        mends=True,
    )
    DIRECTORY_STALE = Meaning(
        'MGH-C313',
        _INFO,
        'The mount point of a brick that is gone is still there.',
        'remove it if it is empty',
        mends=True,
    )
    BRICK_FILE_SYSTEM_SMALLER = Meaning(
        'MGH-C314',
        _ERROR,
        'The file system of a brick is smaller than the brick.',
        'grow it',
        mends=True,
    )
    BRICK_BEHIND = Meaning(
        'MGH-C315',
        _INFO,
        'The brick is smaller than on record: a growth was given up, and has '
        'its room reserved.',
        'grow it; the next growth would',
        mends=True,
    )
    # --- 4xx: volumes -----------------------------------------------------
    VOLUME_MISSING = Meaning(
        'MGH-C401',
        _ERROR,
        'Gluster has no such volume.',
        'find out who deleted it; its bricks may still hold the data',
    )
    VOLUME_STOPPED = Meaning(
        'MGH-C402',
        _ERROR,
        'The volume is not started.',
        'start it, unless whoever stopped it had a reason: nothing here ever '
        'stops a volume but to delete it',
    )
    VOLUME_BRICKS = Meaning(
        'MGH-C403',
        _ERROR,
        'The volume has other bricks, or has them in another order.',
        'find out who changed it',
    )
    VOLUME_KIND = Meaning(
        'MGH-C404',
        _ERROR,
        'The volume has another durability.',
        'find out who changed it',
    )
    VOLUME_QUOTA = Meaning(
        'MGH-C405',
        _ERROR,
        'The volume has another quota, or none.',
        'set it',
        mends=True,
    )
    VOLUME_ACCESS = Meaning(
        'MGH-C406',
        _ERROR,
        'Others may mount the volume than its access rules say.',
        'set auth.ssl-allow',
        mends=True,
    )
    VOLUME_OPEN = Meaning(
        'MGH-C407',
        _ERROR,
        'The volume takes connections without TLS.',
        'stop it, set client.ssl and server.ssl to on, and start it: a volume '
        'that runs must not be changed so',
    )
    VOLUME_MARKS = Meaning(
        'MGH-C408',
        _WARNING,
        'The volume does not bear all of its options user.gluster-heketi.*',
        'set them',
        mends=True,
    )
    VOLUME_OTHER = Meaning(
        'MGH-C409',
        _ERROR,
        'The volume of that name is another one.',
        'find out who made it',
    )
    VOLUME_UNKNOWN = Meaning(
        'MGH-C410',
        _WARNING,
        'Gluster has a volume that bears our options but is not on record.',
        'delete it by hand if nobody misses it',
    )
    VOLUME_HALF_WAY = Meaning(
        'MGH-C411',
        _WARNING,
        'The volume is half-way, and no operation is going to finish it.',
        'delete it by hand if nobody misses it',
    )
    VOLUME_REVOKED = Meaning(
        'MGH-C412',
        _ERROR,
        'A name that was revoked may still mount the volume.',
        'take it from auth.ssl-allow, and from the record',
        mends=True,
    )
    # --- 5xx: certificates ------------------------------------------------
    AUTHORITY_MISSING = Meaning(
        'MGH-C501',
        _ERROR,
        'Our certificate authority can not be read.',
        'put it back from a backup; without it no certificate can be judged',
    )
    AUTHORITY_OTHER = Meaning(
        'MGH-C502',
        _ERROR,
        'The node does not trust our certificate authority.',
        'put the right authority back here, or deploy certificates anew; '
        'clients of the other one would be locked out',
    )
    CERTIFICATE_BAD = Meaning(
        'MGH-C503',
        _ERROR,
        'Certificate and key are missing, no pair, or of another authority.',
        'issue new ones',
        mends=True,
    )
    CERTIFICATE_NAME = Meaning(
        'MGH-C504',
        _ERROR,
        "The certificate has another common name than the cluster's.",
        'issue a new one',
        mends=True,
    )
    CERTIFICATE_EXPIRED = Meaning(
        'MGH-C505',
        _ERROR,
        'The certificate has expired.',
        'issue a new one',
        mends=True,
    )
    CERTIFICATE_EXPIRES = Meaning(
        'MGH-C506',
        _WARNING,
        'The certificate expires within gluster_heketi_node_renewal_days.',
        'issue a new one',
        mends=True,
    )
    CERTIFICATE_KEY_OPEN = Meaning(
        'MGH-C507',
        _ERROR,
        'Others than root may read the key of the node.',
        'issue a new one: who has read it can pose as the node',
        mends=True,
    )
    CERTIFICATE_UNKNOWN = Meaning(
        'MGH-C508',
        _INFO,
        'The certificate of the node is not on record.',
        'record it',
        mends=True,
    )
    # --- 7xx: what can not be rebuilt -------------------------------------
    NO_NODE = Meaning(
        'MGH-C701',
        _ERROR,
        'The host has no record of itself that can be read.',
        'put the file back, or leave the host out',
    )
    NODE_TWICE = Meaning(
        'MGH-C702',
        _ERROR,
        'Two hosts say that they are the same node.',
        'leave out the one that was copied',
    )
    CLUSTER_UNCLEAR = Meaning(
        'MGH-C703',
        _ERROR,
        'Hosts contradict each other about their cluster.',
        'correct the records, or leave the hosts out',
    )
    DEVICE_GONE = Meaning(
        'MGH-C704',
        _ERROR,
        'The node has a record of a device that is not there.',
        'bring the disk back, or leave it out',
    )
    DEVICE_UNRECORDED = Meaning(
        'MGH-C705',
        _ERROR,
        'A device is marked as ours, but the node has no record of it.',
        'move the disk back, or leave it out',
    )
    DEVICE_TWICE = Meaning(
        'MGH-C706',
        _ERROR,
        'Two volume groups say that they are the same device.',
        'leave out the one that was copied',
    )
    BRICK_UNCLEAR = Meaning(
        'MGH-C707',
        _ERROR,
        'The tags of a logical volume say too little, or contradict others.',
        'correct them, or leave it out',
    )
    BRICK_LEFT_OVER = Meaning(
        'MGH-C708',
        _ERROR,
        'A brick belongs to no volume that Gluster has.',
        'leave it out',
    )
    VOLUME_FOREIGN_BRICK = Meaning(
        'MGH-C709',
        _ERROR,
        'A volume has a brick that was not found, or is none of ours.',
        'bring its node back, or leave the volume out',
    )
    VOLUME_UNCLEAR = Meaning(
        'MGH-C710',
        _ERROR,
        'A volume says too little of itself, or contradicts itself.',
        'correct it in Gluster, or leave it out',
    )
    VOLUME_TWICE = Meaning(
        'MGH-C711',
        _ERROR,
        'Two volumes say that they are the same, or belong to one share.',
        'correct one in Gluster, or leave them out',
    )
    VOLUME_DISPUTED = Meaning(
        'MGH-C712',
        _ERROR,
        'Two nodes know a volume differently.',
        'connect them, and restart glusterd on the one that is out of date; '
        'or leave the volume out',
    )
    DEVICE_TAKEN = Meaning(
        'MGH-C713',
        _WARNING,
        'The device is restored offline: it has what may be bricks but is not '
        'on record, and no brick must be placed on their room.',
        'once they are gone, "gluster-heketi device set HOST:PATH --state '
        'online"',
    )

    def __str__(self) -> str:
        return self.value.code
