# Short words for administrators of the switch.

alias openvswitch='service openvswitch'
alias vswitch='service openvswitch'

# watchdp: the datapaths, once a second.
watchdp() {
    watch -n 1 ovs-dpctl show "$@"
}

# watchdpflows DATAPATH [PATTERN]: what the datapath forwards.
watchdpflows() {
    _watch_filtered "ovs-dpctl dump-flows $1" "$2"
}

# watchflows BRIDGE [PATTERN]: the bridge's OpenFlow rules.
watchflows() {
    _watch_filtered "ovs-ofctl dump-flows $1" "$2"
}

_watch_filtered() {
    if [ -n "$2" ]; then
        watch -n 1 "$1 | grep -e '$2'"
    else
        watch -n 1 "$1"
    fi
}

# monitorlogs [PATTERN...]: what all logs of the network say from now on; lines with every PATTERN.
monitorlogs() {
    _monitored='tail -q -F /var/log/messages /var/log/openvswitch/ovs-vswitchd.log /var/log/openvswitch/ovsdb-server.log /var/log/xensource.log'
    for _pattern in "$@"; do
        _monitored="$_monitored | grep --line-buffered -e '$_pattern'"
    done
    eval "$_monitored" | tee /var/log/monitorlogs.out
}
