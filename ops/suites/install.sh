#!/bin/sh
# Install Debian packages, as root, without starting the services that some of them carry.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
wait='-o DPkg::Lock::Timeout=300'
# shellcheck disable=SC2086
apt-get $wait -q update
# shellcheck disable=SC2086
apt-get $wait -q -y --no-install-recommends install "$@"
