# The host's own module of this name, which the package has put aside: for scripts of the host that import it.
# interface-reconfigure itself does not.  Any Python reads this, as it has to read the host's.
_original = "/usr/lib/openvswitch/xs-saved/InterfaceReconfigureVswitch.py"
try:
    _file = open(_original)
except IOError:
    raise ImportError("there is no copy of the host's own in " + _original)
_source = _file.read()
_file.close()
exec(compile(_source, _original, "exec"))
