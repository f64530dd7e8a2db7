"""Open vSwitch on the host's console: who controls it, whether it runs, and a way to change the first.

The console loads this file into its own Python, which may be as old as 2.4: so it is written for all of them, and uses
nothing of the product but its commands.

Sources: xsconsole's plugin interface; XenServer Administrator's Guide.
"""

if __name__ == "__main__":
    raise Exception("This is a plugin of xsconsole, which loads it")

import os
import socket
import subprocess
import sys

from XSConsoleStandard import *

PIDFILE = "/var/run/openvswitch/ovs-vswitchd.pid"
PLUGIN = "openvswitch-cfg-update"


def output_of(*words):
    """What a command prints, whatever becomes of it."""
    try:
        process = subprocess.Popen(list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = process.communicate()[0]
    except OSError:
        return ""
    if not isinstance(text, str):
        text = text.decode("utf-8", "replace")
    return text.strip()


def version(text):
    """The switch's version, from what `service openvswitch version` says."""
    for line in text.splitlines():
        if "ovs-vswitchd" in line:
            return line.split()[-1]
    return "unknown"


def states(text):
    """The state of each daemon, from what `service openvswitch status` says."""
    found = {}
    for line in text.splitlines():
        for daemon in ("ovs-vswitchd", "ovsdb-server"):
            if daemon in line:
                if "not running" in line or "stop" in line:
                    found[daemon] = "stopped"
                elif "running" in line:
                    found[daemon] = "running"
    return found


def manager(text):
    """Who manages the switch, from what ovs-vsctl says: the host, if it is one that the switch connects to."""
    if text.startswith("ssl:"):
        return text.split(":")[1]
    return text


def is_address(text):
    """Whether a text is an IPv4 address in four parts."""
    try:
        socket.inet_aton(text)
    except socket.error:
        return False
    return len(text.split(".")) == 4


def the_pool():
    """The reference of the pool."""
    pools = Task.Sync(lambda session: session.xenapi.pool.get_all())
    if len(pools) != 1:
        raise Exception(Lang("This host is in ") + str(len(pools)) + Lang(" pools"))
    return pools[0]


def controller_in_xapi():
    """The controller that XAPI has; empty if none."""
    pool = the_pool()
    return Task.Sync(lambda session: session.xenapi.pool.get_vswitch_controller(pool))


def set_controller(address):
    """Have all hosts of the pool use the controller at `address`; an empty one removes it."""
    pool = the_pool()
    Task.Sync(lambda session: session.xenapi.pool.set_vswitch_controller(pool, address))


def update_hosts():
    """Have every host of the pool look at XAPI's settings; the names of those that could not."""
    failed = []
    for host in Task.Sync(lambda session: session.xenapi.host.get_all()):
        name = Task.Sync(lambda session: session.xenapi.host.get_name_label(host))
        Layout.Inst().TransientBanner(Lang("Updating ") + name)
        try:
            update_host(host)
        except Exception:
            failed.append(name)
    return failed


def update_host(host):
    """Have one host look at XAPI's settings."""
    Task.Sync(lambda session: session.xenapi.host.call_plugin(host, PLUGIN, "update", {}))


class ControllerDialogue(InputDialogue):
    """Asks for the controller's address."""

    def __init__(self):
        self.custom = {
            "title": Lang("Set the Controller"),
            "info": Lang("Please enter the IP address of the controller for all hosts of the pool"),
            "fields": [[Lang("Address", 14), controller_in_xapi(), "address"]],
        }
        InputDialogue.__init__(self)

    def HandleCommit(self, inValues):
        """Set it."""
        address = inValues["address"].strip()
        if not is_address(address):
            raise Exception(Lang("Not an IPv4 address: ") + address)
        set_controller(address)
        return Lang("The controller is set"), report(update_hosts())


def report(failed):
    """What to say of hosts that could not be updated."""
    if failed:
        return Lang("Not updated: ") + ", ".join(failed)
    return None


class VSwitchDialogue(Dialogue):
    """The menu behind the status pane."""

    def __init__(self):
        Dialogue.__init__(self)
        self.menu = Menu(self, None, Lang("Configure Open vSwitch"), [
            ChoiceDef(Lang("Set the Pool's Controller"), lambda: self.ask()),
            ChoiceDef(Lang("Delete the Pool's Controller"), lambda: self.delete()),
            ChoiceDef(Lang("Update This Host from the Pool"), lambda: self.update()),
        ])
        pane = self.NewPane(DialoguePane(self.parent))
        pane.TitleSet(Lang("Configure Open vSwitch"))
        pane.AddBox()
        self.UpdateFields()

    def UpdateFields(self):
        """Draw."""
        pane = self.Pane()
        pane.ResetFields()
        pane.AddTitleField(Lang("What is to be done?"))
        pane.AddMenuField(self.menu)
        pane.AddKeyHelpField({Lang("<Enter>"): Lang("OK"), Lang("<Esc>"): Lang("Cancel")})

    def HandleKey(self, inKey):
        """Let the menu have the key; Esc leaves."""
        handled = self.menu.HandleKey(inKey)
        if not handled and inKey == "KEY_ESCAPE":
            Layout.Inst().PopDialogue()
            handled = True
        return handled

    def ask(self):
        """Ask for the address."""
        Layout.Inst().PopDialogue()
        Layout.Inst().PushDialogue(ControllerDialogue())

    def delete(self):
        """Remove the controller."""
        self.do(Lang("The controller is removed"), lambda: (set_controller(""), update_hosts())[1])

    def update(self):
        """Update this host only."""
        host = HotAccessor().local_host_ref().OpaqueRef()
        self.do(Lang("This host is updated"), lambda: update_host(host))

    def do(self, success, action):
        """Do something and say what became of it."""
        Layout.Inst().PopDialogue()
        try:
            failed = action()
            Layout.Inst().PushDialogue(InfoDialogue(success, report(failed)))
        except Exception:
            error = sys.exc_info()[1]  # no version of Python minds this
            Layout.Inst().PushDialogue(InfoDialogue(Lang("Failed: ") + Lang(error)))


class XSFeatureVSwitch:
    """The entry in the network menu."""

    def StatusUpdateHandler(cls, inPane):
        """Draw the status pane."""
        running = states(output_of("service", "openvswitch", "status"))
        present = manager(output_of("ovs-vsctl", "--timeout=30", "-vANY:console:off", "get-manager"))
        try:
            wanted = controller_in_xapi()
        except Exception:
            wanted = Lang("<unknown>")
        inPane.AddTitleField(Lang("Open vSwitch"))
        inPane.NewLine()
        inPane.AddStatusField(Lang("Version", 20), version(output_of("service", "openvswitch", "version")))
        inPane.NewLine()
        inPane.AddStatusField(Lang("Controller (pool)", 20), wanted or Lang("<none>"))
        inPane.AddStatusField(Lang("Controller (host)", 20), present or Lang("<none>"))
        inPane.NewLine()
        inPane.AddStatusField(Lang("ovs-vswitchd", 20), running.get("ovs-vswitchd", Lang("<unknown>")))
        inPane.AddStatusField(Lang("ovsdb-server", 20), running.get("ovsdb-server", Lang("<unknown>")))
        inPane.AddKeyHelpField({Lang("<Enter>"): Lang("Reconfigure"), Lang("<F5>"): Lang("Refresh")})

    StatusUpdateHandler = classmethod(StatusUpdateHandler)

    def ActivateHandler(cls):
        """Open the menu, for those who may."""
        DialogueUtils.AuthenticatedOnly(lambda: Layout.Inst().PushDialogue(VSwitchDialogue()))

    ActivateHandler = classmethod(ActivateHandler)

    def Register(self):
        """Appear, on hosts whose network is this switch."""
        if os.path.exists(PIDFILE):
            Importer.RegisterNamedPlugIn(self, "VSwitch", {
                "menuname": "MENU_NETWORK",
                "menupriority": 800,
                "menutext": Lang("Open vSwitch"),
                "statusupdatehandler": self.StatusUpdateHandler,
                "activatehandler": self.ActivateHandler,
            })


XSFeatureVSwitch().Register()
