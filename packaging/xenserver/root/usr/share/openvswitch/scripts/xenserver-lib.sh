# What /etc/init.d/openvswitch and ovs-start have in common.  A shell reads it with `.`.

scripts=/usr/share/openvswitch/scripts
marker=/var/run/openvswitch.booted

[ ! -r /etc/xensource-inventory ] || . /etc/xensource-inventory
[ ! -r /etc/sysconfig/openvswitch ] || . /etc/sysconfig/openvswitch

# Start the switch.  $1 is what ovs-ctl shall do: start, restart, force-reload-kmod.
start_switch() {
    command=$1
    shift
    set -- "$@" \
        --system-id="$INSTALLATION_UUID" \
        --system-type="$PRODUCT_BRAND" \
        --system-version="$PRODUCT_VERSION-$BUILD_NUMBER" \
        --external-id=xs-system-uuid="$INSTALLATION_UUID" \
        --daemon-cwd=/var/xen/openvswitch \
        --db-fallback=/var/run/openvswitch/conf.db
    [ -z "$FORCE_COREFILES" ] || set -- "$@" --force-corefiles="$FORCE_COREFILES"
    [ -z "$OVSDB_SERVER_PRIORITY" ] || set -- "$@" --ovsdb-server-priority="$OVSDB_SERVER_PRIORITY"
    [ -z "$VSWITCHD_PRIORITY" ] || set -- "$@" --ovs-vswitchd-priority="$VSWITCHD_PRIORITY"
    [ -z "$VSWITCHD_MLOCKALL" ] || set -- "$@" --mlockall="$VSWITCHD_MLOCKALL"
    if [ ! -e "$marker" ]; then
        # The first start since the host was booted: whoever owns the bridges makes them anew.
        : > "$marker"
        set -- "$@" --delete-bridges
    fi
    eval "set -- \"\$@\" $OVS_CTL_OPTS"
    "$scripts/ovs-ctl" "$@" "$command"
}

# Let the tunnels of controllers in.
open_firewall() {
    "$scripts/ovs-ctl" --protocol=gre enable-protocol
}
