# After the files of the package are gone: give the host's scripts back that they had replaced.
saved=/usr/lib/openvswitch/xs-saved
for script in /etc/xensource/scripts/vif /opt/xensource/libexec/interface-reconfigure \
    /opt/xensource/libexec/InterfaceReconfigure.py /opt/xensource/libexec/InterfaceReconfigureBridge.py \
    /opt/xensource/libexec/InterfaceReconfigureVswitch.py /usr/sbin/brctl /usr/sbin/xen-bugtool; do
    if [ -h "$script" ] && [ ! -e "$script" ]; then
        if [ -e "$saved/${script##*/}" ]; then
            mv -f "$saved/${script##*/}" "$script"
        else
            rm -f "$script"
            echo "$script: there is no copy of the host's own in $saved to put back" >&2
        fi
    fi
done
plugin=/etc/xapi.d/plugins/openvswitch-config-update
[ ! -h "$plugin" ] || [ -e "$plugin" ] || rm -f "$plugin"
if [ "$1" = 0 ]; then
    rm -f /opt/xensource/libexec/InterfaceReconfigure*.py[co] /usr/share/openvswitch/scripts/*.py[co]
    rm -f /etc/openvswitch/conf.db /etc/openvswitch/.conf.db.~lock~ /etc/sysconfig/openvswitch \
        /etc/openvswitch/vswitchd.cacert /var/lock/subsys/openvswitch
    rmdir -p "$saved" 2>/dev/null
fi
exit 0
