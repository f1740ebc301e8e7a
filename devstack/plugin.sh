#!/bin/bash
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

# DevStack calls this as "plugin.sh MODE PHASE", with its functions loaded.

_XTRACE_GLUSTER_HEKETI=$(set +o | grep xtrace)
set +o xtrace

_GH_TOPOLOGY=${GLUSTER_HEKETI_TOPOLOGY:-$GLUSTER_HEKETI_DATA_DIR/topology.json}
_GH_LOOP_FILE=$GLUSTER_HEKETI_DATA_DIR/device

function _gluster_heketi_local {
    [[ -z $GLUSTER_HEKETI_TOPOLOGY ]]
}

function _gluster_heketi_loop_device {
    sudo losetup --noheadings --output NAME --associated "$_GH_LOOP_FILE" |
        head -n 1
}

function _gluster_heketi_install_node {
    install_package glusterfs-server lvm2 xfsprogs openssh-server
    if is_ubuntu; then
        install_package thin-provisioning-tools
        restart_service ssh
    else
        install_package device-mapper-persistent-data
        restart_service sshd
    fi
    restart_service glusterd
}

# The driver logs in by SSH, on this machine as on any other.
function _gluster_heketi_allow_login {
    local key=$HOME/.ssh/id_ed25519
    mkdir -p -m 700 "$HOME/.ssh"
    if [[ ! -e $key ]]; then
        ssh-keygen -q -t ed25519 -N '' -f "$key"
    fi
    touch "$HOME/.ssh/authorized_keys"
    chmod 600 "$HOME/.ssh/authorized_keys"
    if ! grep -qxFf "$key.pub" "$HOME/.ssh/authorized_keys"; then
        cat "$key.pub" >>"$HOME/.ssh/authorized_keys"
    fi
}

function _gluster_heketi_make_device {
    sudo install -d -o "$STACK_USER" "$GLUSTER_HEKETI_DATA_DIR"
    truncate --size "$GLUSTER_HEKETI_LOOP_SIZE" "$_GH_LOOP_FILE"
    if [[ -z $(_gluster_heketi_loop_device) ]]; then
        sudo losetup --find "$_GH_LOOP_FILE"
    fi
}

function _gluster_heketi_write_topology {
    local host
    host=$(ipv6_unquote "$HOST_IP")
    cat >"$_GH_TOPOLOGY" <<EOF
{"clusters": [{"nodes": [{
    "node": {
        "hostnames": {"manage": ["$host"], "storage": ["$host"]},
        "zone": 1
    },
    "devices": ["$(_gluster_heketi_loop_device)"]
}]}]}
EOF
}

function _gluster_heketi_install {
    if _gluster_heketi_local; then
        _gluster_heketi_install_node
    fi
    setup_develop "$GLUSTER_HEKETI_DIR"
}

function _gluster_heketi_configure {
    local group=$GLUSTER_HEKETI_BACKEND
    local driver=manila_gluster_heketi.driver.GlusterHeketiShareDriver
    iniset "$MANILA_CONF" DEFAULT enabled_share_backends "$group"
    iniset "$MANILA_CONF" DEFAULT enabled_share_protocols GLUSTERFS
    iniset "$MANILA_CONF" "$group" share_driver "$driver"
    iniset "$MANILA_CONF" "$group" share_backend_name "${group^^}"
    iniset "$MANILA_CONF" "$group" driver_handles_share_servers False
    iniset "$MANILA_CONF" "$group" gluster_heketi_state_path \
        "$GLUSTER_HEKETI_STATE_PATH"
    iniset "$MANILA_CONF" "$group" gluster_heketi_store_connection \
        "sqlite:///$GLUSTER_HEKETI_STATE_PATH/store.sqlite"
    iniset "$MANILA_CONF" "$group" gluster_heketi_durability \
        "$GLUSTER_HEKETI_DURABILITY"
    iniset "$MANILA_CONF" "$group" gluster_heketi_ssh_user \
        "$GLUSTER_HEKETI_SSH_USER"
    if [[ $GLUSTER_HEKETI_SSH_USER != root ]]; then
        iniset "$MANILA_CONF" "$group" gluster_heketi_ssh_sudo True
    fi
    sudo install -d -m 700 -o "$STACK_USER" "$GLUSTER_HEKETI_STATE_PATH"
    if _gluster_heketi_local; then
        _gluster_heketi_allow_login
        _gluster_heketi_make_device
        _gluster_heketi_write_topology
    fi
    gluster-heketi --config-file "$MANILA_CONF" --config-section "$group" \
        topology load "$_GH_TOPOLOGY"
}

function _gluster_heketi_configure_tempest {
    iniset "$TEMPEST_CONFIG" share enable_protocols glusterfs
    iniset "$TEMPEST_CONFIG" share capability_storage_protocol GLUSTERFS
    iniset "$TEMPEST_CONFIG" share backend_names "${GLUSTER_HEKETI_BACKEND^^}"
    iniset "$TEMPEST_CONFIG" share multitenancy_enabled False
    iniset "$TEMPEST_CONFIG" share enable_cert_rules_for_protocols glusterfs
    iniset "$TEMPEST_CONFIG" share enable_ip_rules_for_protocols ''
}

# Only volumes of ours: the machine may serve others.
function _gluster_heketi_delete_volumes {
    local volume gluster=(sudo gluster --mode=script volume)
    for volume in $("${gluster[@]}" list 2>/dev/null); do
        if "${gluster[@]}" info "$volume" |
            grep -q '^user\.gluster-heketi\.volume-id:'; then
            "${gluster[@]}" stop "$volume" force || true
            "${gluster[@]}" delete "$volume"
        fi
    done
}

# Undoes _gluster_heketi_make_device and what the driver put on the device.
function _gluster_heketi_clean {
    local device group mounts=/var/lib/gluster-heketi/mounts
    sudo rm -rf "$GLUSTER_HEKETI_STATE_PATH"
    device=$(_gluster_heketi_loop_device)
    if ! _gluster_heketi_local || [[ -z $device ]]; then
        return
    fi
    _gluster_heketi_delete_volumes
    findmnt --noheadings --raw --output TARGET | grep "^$mounts/" |
        xargs --no-run-if-empty sudo umount
    sudo sed -i "\|$mounts/|d" /etc/fstab
    group=$(sudo pvs --noheadings -o vg_name "$device" | tr -d ' ')
    if [[ -n $group ]]; then
        sudo vgremove --force --yes "$group"
    fi
    sudo losetup --detach "$device"
    sudo rm -rf "$GLUSTER_HEKETI_DATA_DIR" "$mounts"
}

if is_service_enabled m-shr || is_service_enabled manila; then
    case "$1 ${2:-}" in
        'stack install')
            echo_summary 'Installing manila-gluster-heketi'
            _gluster_heketi_install
            ;;
        'stack post-config')
            echo_summary 'Configuring manila-gluster-heketi'
            _gluster_heketi_configure
            ;;
        'stack test-config')
            if is_service_enabled tempest; then
                _gluster_heketi_configure_tempest
            fi
            ;;
        'clean '*)
            _gluster_heketi_clean
            ;;
    esac
fi

$_XTRACE_GLUSTER_HEKETI
