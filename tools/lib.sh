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

# What the scripts beside it share. To be sourced by bash.
#
#   say WORDS...             print a line
#   stage NAME COMMAND...    run a command, print its time and its outcome;
#                            a failure is kept, not fatal: see stages_failed
#   beside NAME COMMAND...   start a command that a later stage waits for
#   beside_done NAME         print what it says, from its beginning to its end,
#                            and give its outcome
#   quietly COMMAND...       hide the output unless the command fails, and
#                            show that it is still at work
#   ensure_packages [lab] [browser]
#                            install the Debian packages that are missing
#   ensure_databases         the same for the servers that the store is tested
#                            on; none is started
#   ensure_venv              make or refresh the virtual environment
#   ensure_requirements WHAT FILE...
#                            the same without this package, from these files
#   finish                   print all stages and the total time; 1 if one
#                            failed

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-$ROOT/.venv}
export PIP_DISABLE_PIP_VERSION_CHECK=1

_FAILED=()
_SUMMARY=()
_BLAMED=()
declare -A _BESIDE=()

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'error: %s\n' "$*" >&2
    return 1
}

# note WORDS...: what a stage wants to be said of it in the summary.
note() {
    _NOTE=" ($*)"
}

# blame LINES: what a stage wants to be told of its failure at the very end,
# where a log that was cut short still has it.
blame() {
    [[ -z $1 ]] || _BLAMED+=("$1")
}

# A function runs as a stage in this shell, so that its note can be heard.
# The caller must not use "set -e": bash ignores it inside "if" anyway, so
# functions that run as stages join their commands with &&.
stage() {
    local name=$1 outcome=ok begin
    begin=${_BESIDE[$1]:-$SECONDS}
    shift
    _NOTE=''
    printf '\n==> %s\n' "$name"
    if ! "$@"; then
        outcome=FAILED
        _FAILED+=("$name")
    fi
    local line
    printf -v line '%-14s %6s s  %s%s' \
        "$name" $((SECONDS - begin)) "$outcome" "$_NOTE"
    _SUMMARY+=("$line")
    printf '<== %s\n' "$line"
    [[ $outcome == ok ]]
}

# In a process group of its own, so that all of it can be ended with this
# script, and it alone.
beside() {
    local name=$1
    shift
    if [[ -z ${_LOGS:-} ]]; then
        _LOGS=$(mktemp -d)
        trap _end_beside EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
    fi
    say "Starting $name beside what follows."
    _BESIDE[$name]=$SECONDS
    setsid bash -c '"${@:2}"; echo $? >"$1.code"' bash "$_LOGS/$name" "$@" \
        >"$_LOGS/$name" 2>&1 </dev/null &
    echo $! >"$_LOGS/$name.pid"
}

beside_done() {
    local log=$_LOGS/$1
    tail --lines=+1 --follow --pid="$(<"$log.pid")" "$log"
    return "$(cat "$log.code" 2>/dev/null || echo 1)"
}

_end_beside() {
    local pid
    for pid in "$_LOGS"/*.pid; do
        # Those that are done are not there any more.
        kill -TERM -- "-$(<"$pid")" 2>/dev/null
    done
    wait
    rm -rf "$_LOGS"
}

finish() {
    printf '\nStages:\n'
    printf '    %s\n' "${_SUMMARY[@]}"
    printf 'Total: %s s\n' "$SECONDS"
    if ((${#_FAILED[@]})); then
        printf '%s\n' ${_BLAMED[@]+"${_BLAMED[@]}"}
        printf 'FAILED: %s\n' "${_FAILED[*]}"
        return 1
    fi
    say 'All passed.'
}

quietly() {
    local log pid traps begin=$SECONDS code=0 ticks=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # A background command does not hear Ctrl-C itself.
    traps=$(trap -p INT TERM)
    trap 'kill "$pid" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if ((++ticks % 50 == 0)); then
            say "    ... $((SECONDS - begin)) s"
        fi
    done
    wait "$pid" || code=$?
    trap - INT TERM
    eval "$traps"
    if ((code)); then
        cat "$log" >&2
        fail "$1 ended with $code"
    fi
    rm -f "$log"
    return "$code"
}

# _missing PACKAGE...: print those that are not installed.
_missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
            grep -qx installed || printf '%s\n' "$package"
    done
}

_apt_install() {
    local apt=(apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    export DEBIAN_FRONTEND=noninteractive
    quietly "${apt[@]}" update &&
        quietly "${apt[@]}" install --yes --no-install-recommends "$@"
}

ensure_packages() {
    # Needed before anything else can run. Git tells pbr the version.
    local missing wanted=(ca-certificates git python3 python3-venv)
    [[ " $* " == *' browser '* ]] && wanted+=(chromium)
    if ! command -v dpkg-query >/dev/null; then
        say 'Not a Debian system: the packages are up to you.'
        return 0
    fi
    mapfile -t missing < <(_missing "${wanted[@]}")
    if ((${#missing[@]})); then
        if ((EUID)); then
            # Another Python may serve as well.
            say "Not root, going on without packages: ${missing[*]}"
        else
            say "Installing Debian packages: ${missing[*]}"
            _apt_install "${missing[@]}" || return 1
        fi
    fi
    if [[ " $* " == *' lab '* ]]; then
        "$ROOT/tools/lab-packages" || return 1
    fi
}

# The maintainer scripts would start the servers; the tests start their own.
_install_stopped() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    _apt_install "$@"
)

ensure_databases() {
    local missing
    command -v dpkg-query >/dev/null || return 0
    mapfile -t missing < <(_missing mariadb-server postgresql)
    if ((${#missing[@]} == 0)); then
        return 0
    elif ((EUID)); then
        # Their tests are skipped.
        say "Not root, going on without packages: ${missing[*]}"
    else
        say "Installing Debian packages: ${missing[*]}"
        _install_stopped "${missing[@]}"
    fi
}

_make_venv() {
    [[ -d $VENV ]] && say "Replacing $VENV, which does not work."
    rm -rf "$VENV"
    # Debian's own Python first: the packages of the lab belong to it.
    /usr/bin/python3 -m venv "$VENV" 2>/dev/null ||
        { rm -rf "$VENV" && python3 -m venv "$VENV"; }
}

# Without a repository that git trusts, pbr cannot tell the version.
_pbr_version() {
    if ! git -C "$ROOT" rev-parse HEAD >/dev/null 2>&1; then
        export PBR_VERSION=${PBR_VERSION:-0.0.1}
    fi
}

# The stamps say what the environment was made from, the place included,
# because an environment does not work after it was moved.
_stamp() {
    { "$VENV/bin/python" --version && printf '%s\n' "$VENV" &&
        cd "$ROOT" && cat "$@"; } | sha256sum
}

_stamped() {
    [[ $(_stamp "${@:2}") == "$(cat "$VENV/.stamp-$1" 2>/dev/null)" ]]
}

_put_stamp() {
    _stamp "${@:2}" >"$VENV/.stamp-$1"
}

# WHAT is said of the requirements that the files have.
ensure_requirements() {
    local what=$1 files=("${@:2}")
    local pip=("$VENV/bin/python" -m pip install --quiet)
    if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        say "Making the virtual environment $VENV"
        _make_venv || { fail "python3 -m venv failed"; return 1; }
    fi
    if ! _stamped requirements "${files[@]}"; then
        say "Installing $what"
        quietly "${pip[@]}" --upgrade pip &&
            quietly "${pip[@]}" "${files[@]/#/-r$ROOT/}" &&
            _put_stamp requirements "${files[@]}" || return 1
    fi
}

ensure_venv() {
    local package=(setup.cfg setup.py pyproject.toml)
    local pip=("$VENV/bin/python" -m pip install --quiet)
    ensure_requirements 'Manila, its client and what the tests need' \
        requirements.txt test-requirements.txt || return 1
    if ! _stamped package "${package[@]}"; then
        say 'Installing this package in place'
        _pbr_version
        quietly "${pip[@]}" --editable "$ROOT" &&
            _put_stamp package "${package[@]}" || return 1
    fi
    note "$("$VENV/bin/python" --version), Manila $(_version manila)"
}

_version() {
    "$VENV/bin/python" -c \
        "import importlib.metadata as m; print(m.version('$1'))"
}
