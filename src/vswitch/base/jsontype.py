"""`Json`: any JSON value, in annotations.

Type checkers read jsontype.pyi, where it is `Any`.  At run time it is only a name: the module `typing` takes 7 ms to
import, half as long again as the interpreter itself, and ovs-vsctl starts hundreds of times in a script.
"""

from __future__ import annotations

Json = object
